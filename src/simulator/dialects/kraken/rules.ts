import type { Rule } from '../rule.js';

const DOCS = 'https://docs.kraken.com';
const CCXT = 'ccxt 4.5.84, js/src/kraken.js';
const CCXT_PRO = 'ccxt 4.5.84, js/src/pro/kraken.js';
const CAPTURED = 'captured: nautilus_trader, test_data of its Kraken adapter';

/** What the server does in Kraken's place. */
export const RULES: readonly Rule[] = [
  { rule: 'Errors come as text within HTTP 200.', source: `${DOCS}/exchange/guides/general/errors` },
  {
    rule: 'Private calls are signed with HMAC-SHA512 over path, nonce and body.',
    source: `${DOCS}/exchange/guides/rest/authentication`,
  },
  { rule: 'The nonce of a key must grow.', source: `${DOCS}/exchange/guides/general/errors` },
  {
    rule: 'A client order id is a UUID, 32 hexadecimal digits, or up to 18 characters.',
    source: `${DOCS}/exchange/guides/general/clordid`,
  },
  {
    rule: 'A client order id is unique among open orders alone.',
    source: `${DOCS}/exchange/guides/general/clordid`,
  },
  { rule: 'What the refusal of an id that is in use is called.', source: null },
  { rule: 'AddOrder answers with ids and a description, without status or fill.', source: CAPTURED },
  {
    rule: 'An order past its deadline is not taken by the matching engine.',
    source: `${DOCS}/api-reference/trading/add-order`,
  },
  { rule: 'Without a deadline an order is placed however late its turn comes.', source: 'krakenex#60' },
  { rule: 'QueryOrders finds by Kraken’s ids alone.', source: 'ccxt#10021' },
  { rule: 'What QueryOrders answers where no id is given.', source: 'askmike/gekko#304' },
  { rule: 'OpenOrders answers for the whole account.', source: CCXT },
  {
    rule: 'ClosedOrders comes in pages of fifty, the newest first.',
    source: `${DOCS}/api-reference/account-data/get-closed-orders`,
  },
  { rule: 'TradesHistory comes in pages of fifty, too.', source: CCXT },
  { rule: 'Both lists leave `start` out and take `end` in, in seconds.', source: CCXT },
  { rule: 'ClosedOrders looks at both the time of opening and of closing.', source: null },
  { rule: 'Costs have `cost_decimals` digits.', source: CAPTURED },
  { rule: 'Balances have the `decimals` of their asset, four for dollars.', source: CCXT },
  { rule: 'Which way costs, fees and balances are rounded.', source: null },
  { rule: 'Fees are taken in quote.', source: CCXT },
  { rule: 'With the flag `fcib` they are taken in base.', source: `${DOCS}/api-reference/trading/add-order` },
  { rule: 'A purchase that rests holds back its fee as well.', source: null },
  { rule: 'What is left of an order that may not rest is `canceled`.', source: null },
  {
    rule: 'A call counter for each key: 15 or 20, falling by 0.33 to 1 a second; histories count twice.',
    source: `${DOCS}/exchange/guides/rest/ratelimits`,
  },
  {
    rule: 'A counter of orders and cancels for each pair, by the age of what is canceled.',
    source: `${DOCS}/exchange/guides/general/ratelimits`,
  },
  { rule: 'A cancel is never refused for its rate.', source: null },
  { rule: 'Who continues is locked out, for 15 minutes.', source: 'kraken-cli#34' },
  { rule: 'How many failed calls that takes.', source: null },
  {
    rule: 'OHLC lists the newest 720 bars whatever is asked for.',
    source: `${DOCS}/api-reference/market-data/get-ohlc-data`,
  },
  { rule: 'The clock tells whole seconds.', source: CAPTURED },
  {
    rule: 'CancelAllOrdersAfter cancels all of the account.',
    source: `${DOCS}/api-reference/trading/cancel-all-orders-after-x`,
  },
  {
    rule: 'A key without the right is refused with `Permission denied`.',
    source: `${DOCS}/exchange/guides/general/errors`,
  },
  { rule: 'What GetApiKeyInfo answers.', source: null },
  { rule: 'A market that is closed is in `cancel_only` mode.', source: CCXT },
  {
    rule: 'Steps, minimums and ticks have errors of their own.',
    source: `${DOCS}/exchange/guides/general/errors`,
  },
  { rule: 'Private streams are opened with a token of fifteen minutes.', source: CCXT_PRO },
  { rule: 'No message says that a bar is closed.', source: CCXT_PRO },
  { rule: 'Messages that end an order do not name its market.', source: CCXT_PRO },
  {
    rule: 'They name the client order id.',
    source: `${DOCS}/exchange/api-reference/spot-websocket-v2/executions`,
  },
];
