import type { Rule } from '../rule.js';

const DOCS = 'https://developers.binance.com/docs/binance-spot-api-docs';
const CAPTURED = 'captured: nautilus_trader, test_data of its Binance adapter';

/** What the server does in Binance's place. */
export const RULES: readonly Rule[] = [
  { rule: 'Errors have a code and an HTTP status.', source: `${DOCS}/errors` },
  {
    rule: 'Signed with HMAC-SHA256 over the text as it was sent.',
    source: `${DOCS}/rest-api/request-security`,
  },
  {
    rule: 'A request outside of its time window dies, also where it waited within the exchange.',
    source: `${DOCS}/rest-api/request-security`,
  },
  {
    rule: 'A client order id has up to 36 characters of a few kinds.',
    source: `${DOCS}/rest-api/trading-endpoints`,
  },
  { rule: 'It is unique among open orders alone.', source: `${DOCS}/rest-api/trading-endpoints` },
  { rule: 'A new order is answered with its fills.', source: CAPTURED },
  { rule: 'Lists of orders, trades and balances have the fields of captured answers.', source: CAPTURED },
  { rule: 'The fee is taken from what is received.', source: CAPTURED },
  { rule: 'Cost and fee are booked to the last digit.', source: null },
  { rule: 'Request weight in a minute, 429, and 418 for who continues.', source: `${DOCS}/rest-api/limits` },
  { rule: 'How many refused requests a ban takes, and how long the first one is.', source: null },
  { rule: 'Lot, price and notional filters.', source: `${DOCS}/filters` },
  { rule: 'A stop that would trigger at once is refused.', source: `${DOCS}/errors` },
  { rule: 'A stop-loss that triggers and finds no book expires.', source: null },
  {
    rule: 'Deposits and withdrawals are listed for ninety days at most.',
    source: 'https://developers.binance.com/docs/wallet/capital/deposite-history',
  },
  {
    rule: 'User data comes by the signed subscription of the WebSocket API.',
    source: `${DOCS}/websocket-api/user-data-stream-requests`,
  },
];
