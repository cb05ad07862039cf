import type { DenialReason, OrderStatus } from '../../../src/core/order.js';

/** Status and message as versions before `denied` wrote them, and the status and reason that they are today. */
export const EARLIER_ENDS: readonly (readonly [
  OrderStatus,
  string | null,
  OrderStatus,
  DenialReason | null,
])[] = [
  ['rejected', 'no_permit: permit revoked', 'denied', 'no_permit'],
  ['rejected', 'price_stale: quote is 6000 ms old', 'denied', 'price_stale'],
  ['rejected', 'notional_cap: notional 20, cap 10', 'denied', 'notional_cap'],
  ['rejected', 'price_collar: price 9, at worst 9, last close 5', 'denied', 'price_collar'],
  ['rejected', 'order_rate: 30 orders in the last minute', 'denied', 'order_rate'],
  ['rejected', 'stop_rests: a stop of BTC/USDT rests at the exchange', 'denied', 'stop_rests'],
  [
    'rejected',
    'exit_in_flight: another order that closes BTC/USDT is on its way',
    'denied',
    'exit_in_flight',
  ],
  [
    'rejected',
    'stop_not_protective: a stop of 1 is no part of what is held',
    'denied',
    'stop_not_protective',
  ],
  ['rejected', 'exchange_filter: amount 0 is below 0.00001', 'denied', 'exchange_filter'],
  ['rejected', 'market_closed: the exchange says that it is closed', 'denied', 'market_closed'],
  ['rejected', 'state_reducing: the box is REDUCING', 'denied', 'state_reducing'],
  ['rejected', 'state_halted: the box is HALTED', 'denied', 'state_halted'],
  ['rejected', 'symbol_unknown: an earlier order of BTC/USDT is not settled', 'denied', 'symbol_unknown'],
  ['rejected', 'refused as it was about to leave: state_halted', 'denied', 'state_halted'],
  ['rejected', 'not found twice at the exchange', 'never_placed', null],
  ['rejected', 'the connection ended before the order was written', 'never_placed', null],
  ['rejected', 'binance answered 429: nothing is asked of it for another 12 s', 'never_placed', null],
  ['rejected', 'amount 1.05 is not on the step of BTC/USDT: ccxt would send 1', 'never_placed', null],
  ['rejected', 'ccxt cannot place and follow stops on BTC/USDT', 'never_placed', null],
  // The exchange's own words stay its rejection, whatever they speak of.
  ['rejected', 'binance Account has insufficient balance for requested action.', 'rejected', null],
  ['rejected', 'binance {"code":-2010,"msg":"no_permit: go away"}', 'rejected', null],
  ['rejected', 'price_collared: by the exchange', 'rejected', null],
  ['rejected', null, 'rejected', null],
  // An order that was placed keeps its end.
  ['canceled', 'not found twice at the exchange', 'canceled', null],
  ['filled', null, 'filled', null],
  ['unknown', 'no_permit: timed out', 'unknown', null],
];
