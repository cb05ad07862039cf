import type { Candle, StreamKey } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { decimal, floorToStep, text } from '../../core/money.js';
import type { Fill, MarketRules, Quote } from '../../core/order.js';
import type { HaltRecord } from '../../core/records.js';
import { currenciesOf } from '../../core/symbol.js';
import { syntheticQuote } from '../../core/synthetic-quote.js';
import { timeframeMs } from '../../core/timeframe.js';
import type { TradingState } from '../../core/trading-state.js';
import { createPaperBroker, type PaperBroker } from '../../execution/paper-broker.js';
import type { StreamSetup } from '../../pipeline/layer-ports.js';
import type { Broker } from '../../ports/broker.js';
import type { Permit, PermitReading } from '../../ports/guard.js';
import { bookUnits, createDeepBroker } from './book-depth.js';
import { DelayedBroker } from './delayed-broker.js';
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

export interface BacktestExchangeOptions {
  readonly streams: readonly StreamSetup[];
  readonly clock: SimulatedClock;
  readonly fillModel: FillModel;
  readonly startCash: string;
  readonly halts?: readonly HaltRecord[];
  readonly initialState?: TradingState;
}

interface Market {
  readonly rules: MarketRules;
  readonly barMs: number;
}

/** The ports of a backtest: a book around each price, a paper broker, and the halts that were recorded. */
export class BacktestExchange {
  readonly broker: Broker;
  readonly permit: Permit = { read: () => this.#readPermit() };
  readonly #clock: SimulatedClock;
  readonly #fillModel: FillModel;
  readonly #markets: ReadonlyMap<string, Market>;
  readonly #stateByHalts: (wallMs: number) => TradingState;
  readonly #paper: PaperBroker;
  /** Null where orders fill at the close of their own bar. */
  readonly #delayed: DelayedBroker | null;
  /** The bar being decided. */
  #stream: StreamKey;
  #bar: Candle | null = null;

  /** Throws `E_BACKTEST_STREAMS` where the streams cannot share one account. */
  constructor(options: BacktestExchangeOptions) {
    const { streams, clock, fillModel } = options;
    this.#clock = clock;
    this.#fillModel = fillModel;
    this.#stream = streams[0]!.key;
    this.#markets = marketsOf(streams);
    this.#stateByHalts = stateByHalts(options.halts ?? [], options.initialState ?? 'ACTIVE');
    this.#paper = this.#makePaper(options.startCash);
    this.#delayed = (fillModel.fillAt ?? 'close') === 'close' ? null : new DelayedBroker(this.#paper, clock);
    this.broker = this.#delayed ?? this.#paper;
  }

  restore(fills: readonly Fill[]): void {
    this.#paper.restore(fills);
  }

  stateAt({ symbol }: StreamKey, openMs: number): TradingState {
    return this.#stateByHalts(openMs + this.#market(symbol).barMs);
  }

  quoteAt({ symbol }: StreamKey, { openMs, close }: Candle): Quote {
    const { rules, barMs } = this.#market(symbol);
    return syntheticQuote(close, this.#fillModel.halfSpreadBps, rules.priceTick, openMs + barMs);
  }

  /** Advances to the next bar that is decided: fills what rested for it, and puts the clock at its close. */
  advanceTo(stream: StreamKey, candle: Candle, closeMs: number): void {
    this.#stream = stream;
    this.#bar = candle;
    if (this.#delayed !== null && this.#delayed.resting > 0) this.#release(this.#delayed, candle, closeMs);
    this.#clock.setWallMs(closeMs);
  }

  #release(delayed: DelayedBroker, candle: Candle, closeMs: number): void {
    const { fillAt, halfSpreadBps } = this.#fillModel;
    const { symbol } = this.#stream;
    const atMs = fillAt === 'next-open' ? candle.openMs : closeMs;
    const price = fillAt === 'next-open' ? candle.open : candle.close;
    this.#clock.setWallMs(atMs);
    delayed.release(symbol, syntheticQuote(price, halfSpreadBps, this.#market(symbol).rules.priceTick, atMs));
  }

  #readPermit(): PermitReading {
    const state = this.stateAt(this.#stream, this.#bar?.openMs ?? Number.NaN);
    return state === 'HALTED'
      ? { ok: false, reason: 'revoked' }
      : { ok: true, epoch: 0, expiresMonotonicMs: Number.POSITIVE_INFINITY, state };
  }

  #makePaper(startCash: string): PaperBroker {
    const { volumeShareMax, bookShare } = this.#fillModel;
    const { exchange, symbol } = this.#stream;
    const isEndless = volumeShareMax === undefined && bookShare === undefined;
    const flat = createPaperBroker({
      exchange,
      clock: this.#clock,
      rulesOf: (symbol) => this.#markets.get(symbol)?.rules,
      startBalances: { [currenciesOf(symbol).quote]: startCash },
      // Nobody traded in a bar of volume 0, so neither do we.
      availableOf: (symbol) =>
        this.#bar?.volume === 0 ? '0' : isEndless ? undefined : this.#available(symbol),
    });
    if (bookShare === undefined) return flat;
    return createDeepBroker(
      flat,
      () => this.#topUnits(),
      (symbol) => this.#market(symbol).rules.priceTick,
    );
  }

  #available(symbol: string): string {
    const { bookShare, volumeShareMax = Number.POSITIVE_INFINITY } = this.#fillModel;
    const inBook = bookShare === undefined ? Number.POSITIVE_INFINITY : bookUnits(this.#topUnits());
    const units = Math.min((this.#bar?.volume ?? 0) * volumeShareMax, inBook);
    return text(floorToStep(decimal(units), decimal(this.#market(symbol).rules.amountStep)));
  }

  #topUnits(): number {
    return (this.#bar?.volume ?? 0) * (this.#fillModel.bookShare ?? 1);
  }

  #market(symbol: string): Market {
    return this.#markets.get(symbol)!;
  }
}

function marketsOf(streams: readonly StreamSetup[]): ReadonlyMap<string, Market> {
  const first = streams[0]!.key;
  const { quote } = currenciesOf(first.symbol);
  const markets = new Map<string, Market>();
  for (const { key, rules } of streams) {
    const fault =
      key.exchange !== first.exchange
        ? 'are of different exchanges'
        : currenciesOf(key.symbol).quote !== quote
          ? 'have different quote currencies'
          : markets.has(key.symbol)
            ? 'are the same symbol'
            : null;
    if (fault !== null) {
      throw badInput(
        'E_BACKTEST_STREAMS',
        `${first.symbol} and ${key.symbol} ${fault}`,
        'give each symbol once, all of one exchange and in one quote currency',
      );
    }
    markets.set(key.symbol, { rules, barMs: timeframeMs(key.timeframe) });
  }
  return markets;
}
