import { type CandleColumns, toColumns } from '../../src/core/candle.js';
import type { MarketRules } from '../../src/core/order.js';
import type { Rng } from '../../src/ports/time.js';
import { SimulatedExchange } from '../../src/simulator/simulated-exchange.js';
import type { EventClock } from './event-clock.js';

export const BAR_MS = 3_600_000;
export const START_MS = Date.UTC(2024, 0, 1);
export const CASH = '100000';
export const ACCOUNT = 'sim';
export const EXCHANGE = 'simulated';
export const SYMBOLS = ['BTC/USDT', 'ETH/USDT', 'SOL/USDT'] as const;
const PRICES = [30_000, 2_000, 100];

/** Symbols that move together, and so share the cap of one position. */
export const CORRELATED = ['ETH/USDT', 'SOL/USDT'] as const;

/** Three markets of random walks with thin books, so that orders fill whole, in parts, or not; the last follows the second. */
export function simulatedMarket(
  rng: Rng,
  bars: number,
  history: number,
  clock: EventClock,
): SimulatedExchange {
  const steps = SYMBOLS.map(() => Array.from({ length: bars + history }, () => rng.next() - 0.5));
  steps[2] = steps[2]!.map((own, i) => 0.95 * steps[1]![i]! + 0.05 * own);
  return new SimulatedExchange({
    markets: SYMBOLS.map((symbol, i) => ({
      symbol,
      timeframe: '1h',
      candles: walk(rng, steps[i]!, PRICES[i]!),
      priceTick: '0.01',
      amountStep: '0.0001',
      amountMin: '0.0001',
      notionalMin: '5',
    })),
    startIndex: history,
    accounts: [{ apiKey: ACCOUNT, secret: ACCOUNT, balances: { USDT: CASH } }],
    book: { halfSpreadBps: 2, topSize: '3', levels: 4 },
    monotonicMs: () => clock.monotonicMs(),
  });
}

export function rulesOf(symbol: string): MarketRules {
  return {
    symbol,
    kind: 'spot',
    priceTick: '0.01',
    amountStep: '0.0001',
    amountMin: '0.0001',
    notionalMin: '5',
    takerFeeRate: '0.001',
  };
}

function walk(rng: Rng, steps: readonly number[], start: number): CandleColumns {
  let close = start;
  return toColumns(
    steps.map((step, i) => {
      const open = close;
      close = Math.max(start / 20, Number((close * (1 + step * 0.03)).toFixed(2)));
      const high = Math.max(open, close);
      const low = Math.min(open, close);
      return { openMs: START_MS + i * BAR_MS, open, high, low, close, volume: 1 + rng.next() };
    }),
  );
}
