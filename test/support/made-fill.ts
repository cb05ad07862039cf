import type { Fill, Side } from '../../src/core/order.js';

/** The `n`th fill of a test: BTC/USDT at binance without a fee, but for what `over` says. */
export function madeFill(
  n: number,
  side: Side,
  amount: string,
  price: string,
  over: Partial<Fill> = {},
): Fill {
  return {
    fillId: `f${n}`,
    clientOrderId: `rb-test-${n}`,
    exchange: 'binance',
    symbol: 'BTC/USDT',
    side,
    price,
    amount,
    fee: '0',
    feeCurrency: 'USDT',
    atMs: n,
    ...over,
  };
}
