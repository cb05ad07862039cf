import type { Candle, StreamKey } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { decimal, floorToStep, text } from '../../core/money.js';
import type { Fill, MarketRules, Quote } from '../../core/order.js';
import type { HaltRecord } from '../../core/records.js';
import { currenciesOf } from '../../core/symbol.js';
import { syntheticQuote } from '../../core/synthetic-quote.js';
import { timeframeMs } from '../../core/timeframe.js';
import type { TradingState } from '../../core/trading-state.js';
import { createPaperBroker } from '../../execution/paper-broker.js';
import type { StreamSetup } from '../../pipeline/layer-ports.js';
import type { Broker } from '../../ports/broker.js';
import type { Permit } from '../../ports/guard.js';
import { bookUnits, createDeepBroker } from './book-depth.js';
import { createDelayedBroker } from './delayed-broker.js';
import type { SimulatedClock } from './simulated-clock.js';
import { stateByHalts } from './state-by-halts.js';

/**
 * When an order of a bar's decision is filled: at that bar's own close (no latency, as paper trading does), at the open
 * of the stream's next bar (latency below a bar), or at the next bar's close (latency of one bar).
 */
export type FillAt = 'close' | 'next-open' | 'next-close';

/** How a backtest fills. */
export interface FillModel {
  /** Half the spread of the synthetic book: the fixed slippage of every fill. */
  readonly halfSpreadBps: number;
  /** `close` when left out. */
  readonly fillAt?: FillAt;
  /** Share of a bar's volume that one order may take; the rest of the order expires. No limit when left out. */
  readonly volumeShareMax?: number;
  /**
   * Share of a bar's volume that stands at the best price of either side: larger orders walk the book behind it, drawn as
   * the exchange simulator draws its own, and what is beyond its last level expires. Endless when left out.
   */
  readonly bookShare?: number;
}

export interface BacktestWorldOptions {
  readonly streams: readonly StreamSetup[];
  readonly clock: SimulatedClock;
  readonly fillModel: FillModel;
  readonly startCash: string;
  readonly halts?: readonly HaltRecord[];
  readonly initialState?: TradingState;
}

/** The ports of a backtest: a book around each price, a paper broker, and the halts that were recorded. */
export interface BacktestWorld {
  readonly broker: Broker;
  readonly permit: Permit;
  restore(fills: readonly Fill[]): void;
  stateAt(stream: StreamKey, openMs: number): TradingState;
  quoteAt(stream: StreamKey, candle: Candle): Quote | undefined;
  /** Turns to the next bar that is decided: fills what rested for it, and puts the clock at its close. */
  turnTo(stream: StreamKey, candle: Candle, closeMs: number): void;
}

interface Market {
  readonly rules: MarketRules;
  readonly barMs: number;
}

/** Throws `E_BACKTEST_STREAMS` where the streams cannot share one account. */
export function createBacktestWorld(options: BacktestWorldOptions): BacktestWorld {
  const { streams, clock, fillModel } = options;
  const { halfSpreadBps, fillAt = 'close', volumeShareMax, bookShare } = fillModel;
  const first = streams[0]!;
  const { quote } = currenciesOf(first.rules.symbol);
  const markets = new Map<string, Market>();
  for (const { key, rules } of streams) {
    const fault =
      key.exchange !== first.key.exchange
        ? 'are of different exchanges'
        : currenciesOf(key.symbol).quote !== quote
          ? 'have different quote currencies'
          : markets.has(key.symbol)
            ? 'are the same symbol'
            : null;
    if (fault !== null) {
      throw badInput(
        'E_BACKTEST_STREAMS',
        `${first.key.symbol} and ${key.symbol} ${fault}`,
        'give each symbol once, all of one exchange and in one quote currency',
      );
    }
    markets.set(key.symbol, { rules, barMs: timeframeMs(key.timeframe) });
  }
  const market = (symbol: string) => markets.get(symbol)!;
  const byHalts = stateByHalts(options.halts ?? [], options.initialState ?? 'ACTIVE');
  const stateAt = (stream: StreamKey, openMs: number) => byHalts(openMs + market(stream.symbol).barMs);

  /** The bar being decided. */
  let stream = first.key;
  let bar: Candle | null = null;

  const topUnits = () => (bar?.volume ?? 0) * (bookShare ?? 1);
  const available = (symbol: string): string => {
    const inBook = bookShare === undefined ? Number.POSITIVE_INFINITY : bookUnits(topUnits());
    const units = Math.min((bar?.volume ?? 0) * (volumeShareMax ?? Number.POSITIVE_INFINITY), inBook);
    return text(floorToStep(decimal(units), decimal(market(symbol).rules.amountStep)));
  };
  const flat = createPaperBroker({
    exchange: first.key.exchange,
    clock,
    rulesOf: (symbol) => markets.get(symbol)?.rules,
    startBalances: { [quote]: options.startCash },
    ...(volumeShareMax === undefined && bookShare === undefined ? {} : { availableOf: available }),
  });
  const paper =
    bookShare === undefined
      ? flat
      : createDeepBroker(flat, topUnits, (symbol) => market(symbol).rules.priceTick);
  const delayed = fillAt === 'close' ? null : createDelayedBroker(paper, clock);

  function release(candle: Candle, closeMs: number): void {
    const atMs = fillAt === 'next-open' ? candle.openMs : closeMs;
    const price = fillAt === 'next-open' ? candle.open : candle.close;
    clock.setWallMs(atMs);
    const { priceTick } = market(stream.symbol).rules;
    delayed?.release(stream.symbol, syntheticQuote(price, halfSpreadBps, priceTick, atMs));
  }

  return {
    broker: delayed ?? paper,
    permit: {
      read() {
        const openMs = bar?.openMs ?? Number.NaN;
        const state = stateAt(stream, openMs);
        return state === 'HALTED'
          ? { ok: false, reason: 'revoked' }
          : { ok: true, epoch: 0, expiresMonotonicMs: Number.POSITIVE_INFINITY, state };
      },
    },
    restore: (fills) => paper.restore(fills),
    stateAt,
    quoteAt(of, candle) {
      const { rules, barMs } = market(of.symbol);
      const closeMs = candle.openMs + barMs;
      return syntheticQuote(candle.close, halfSpreadBps, rules.priceTick, closeMs);
    },
    turnTo(of, candle, closeMs) {
      stream = of;
      bar = candle;
      if (delayed !== null && delayed.resting > 0) release(candle, closeMs);
      clock.setWallMs(closeMs);
    },
  };
}
