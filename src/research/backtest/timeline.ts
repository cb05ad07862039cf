import type { Candle, StreamKey } from '../../core/candle.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { HaltRecord } from '../../core/records.js';
import { timeframeMs } from '../../core/timeframe.js';
import type { TradingState } from '../../core/trading-state.js';
import { createOrderIds } from '../../execution/order-id.js';
import type { StreamSetup } from '../../pipeline/layer-ports.js';
import { Pipeline } from '../../pipeline/pipeline.js';
import type { BarDecider, PipelineConfig } from '../../pipeline/pipeline-api.js';
import type { ClosedTrade } from '../../portfolio/trade.js';
import type { Store } from '../../ports/store.js';
import type { Clock } from '../../ports/time.js';
import {
  type BacktestCollector,
  createBacktestCollector,
  type InstrumentResult,
} from './backtest-collector.js';
import { BacktestExchange, type FillModel } from './backtest-exchange.js';
import { sharedMemoryBars, UNSTORED_BARS } from './bar-memory.js';
import { type BarSpan, type CandleSource, createBarScratch, createSpanWork, readBars } from './bar-reader.js';
import { createDiscardStore } from './discard-store.js';
import { createSimulatedClock, type SimulatedClock } from './simulated-clock.js';

/**
 * Bars of one stream whose features and predictions are computed together; of many streams, fewer of each, so that all
 * of them stay in the processor's cache. No power of two: the columns of a row would fall into the same lines of it.
 */
const SPAN_BARS = 2000;
const SPAN_BARS_MIN = 400;

/** One stream of a backtest. */
export interface TimelineInstrument {
  readonly candles: CandleSource;
  /** Candles known before the first of `candles`: they fill the windows and are not decided on. */
  readonly warmUp?: readonly Candle[];
  /** Makes the stream's layers 1 to 3 with the backtest's clock, just as the trader makes its own. */
  readonly makeStream: (clock: Clock) => StreamSetup;
  /** Candles to make room for; of columns, and where it is left out, not needed. */
  readonly rowsExpected?: number;
  /** Raw P(up) of each candle in place of the model; NaN = no prediction. Not calibrated. */
  readonly givenProbabilities?: Float64Array;
}

export interface TimelineOptions {
  /** At least one, all of one exchange and in one quote currency. */
  readonly instruments: readonly TimelineInstrument[];
  readonly model: Pick<ModelManifest, 'horizonBars' | 'reference' | 'sha256'>;
  readonly config: PipelineConfig;
  readonly startCash: string;
  readonly fillModel: FillModel;
  /** Recorded halts and resumes, taken as the trading state from their wall time on. */
  readonly halts?: readonly HaltRecord[];
  /** State before the first recorded halt; `ACTIVE` when left out. */
  readonly initialState?: TradingState;
  /** Where everything is stored as in a live run; nothing is kept when left out. */
  readonly store?: Store;
  /** Keep each bar's record in the result; true when left out. A record is some 500 bytes. */
  readonly keepDecisions?: boolean;
  /** Count all features into the bins of the model's reference, for {@link InstrumentResult.psi}. */
  readonly withDrift?: boolean;
  /** Called as rows of the sources are used up. */
  readonly onProgress?: (rowsDone: number) => void;
}

export interface TimelineResult {
  /** In the order of the options. */
  readonly instruments: readonly InstrumentResult[];
  /** Of all streams, oldest first. */
  readonly trades: readonly ClosedTrade[];
  readonly finalEquity: number;
  /** Orders still resting when the candles ended. */
  readonly unresolvedOrders: number;
}

/** A stream on its way through its bars. */
interface StreamCursor {
  readonly key: StreamKey;
  readonly decide: BarDecider;
  readonly barMs: number;
  readonly spans: AsyncGenerator<BarSpan>;
  readonly collector: BacktestCollector;
  span: BarSpan | null;
  at: number;
}

/**
 * Runs the pipeline over the candles of one or more streams with one account: features and inference span by span, then
 * layers 4 to 7 bar by bar in the order of close times (streams that close together in the order given), with a simulated
 * clock that stands at each bar's close. With fills at the close, the decisions are those of a live paper run over the
 * same candles and halts, bit for bit.
 */
export async function runTimeline(options: TimelineOptions): Promise<TimelineResult> {
  const { config, instruments, model } = options;
  const keepDecisions = options.keepDecisions ?? true;
  const clock = createSimulatedClock();
  const setups = instruments.map(({ makeStream }) => makeStream(clock));
  const store = options.store ?? createDiscardStore();
  const collectors = collectorsOf(options, setups, keepDecisions);
  const exchange = new BacktestExchange({ ...options, streams: setups, clock });
  const pipeline = new Pipeline({
    config,
    streams: setups,
    model,
    clock,
    store,
    brokers: [exchange.broker],
    permit: exchange.permit,
    ids: createOrderIds('backtest', clock, { next: () => 0 }),
    startCash: options.startCash,
    tradingState: (stream, openMs) => exchange.stateAt(stream, openMs),
    quoteFor: (stream, candle) => exchange.quoteAt(stream, candle),
    onOrderOutcome: (outcome) => collectors.get(outcome.order.symbol)!.order(outcome),
    ...(options.store === undefined && {
      bars: keepDecisions ? UNSTORED_BARS : sharedMemoryBars(clock),
    }),
  });
  const restored = await store.restore();
  exchange.restore(restored.fills);
  await pipeline.start(restored);
  await warmUp(pipeline, instruments, setups, clock);
  const cursors = cursorsOf(options, pipeline, setups, clock, collectors);
  await decideAll(cursors, exchange, store, keepDecisions || options.store !== undefined, options);
  return {
    instruments: cursors.map(({ collector }) => collector.finish()),
    trades: pipeline.portfolio.trades(),
    finalEquity: pipeline.portfolio.equity(),
    unresolvedOrders: pipeline.state().unresolvedOrders,
  };
}

function collectorsOf(
  { instruments, withDrift, model }: TimelineOptions,
  setups: readonly StreamSetup[],
  keepDecisions: boolean,
): ReadonlyMap<string, BacktestCollector> {
  const reference = withDrift ? model.reference : null;
  return new Map(
    setups.map(({ key }, i) => {
      const { candles, rowsExpected = SPAN_BARS } = instruments[i]!;
      const expected = 'length' in candles ? candles.length : rowsExpected;
      return [key.symbol, createBacktestCollector(key, expected, keepDecisions, reference)];
    }),
  );
}

async function warmUp(
  pipeline: Pipeline,
  instruments: readonly TimelineInstrument[],
  setups: readonly StreamSetup[],
  clock: SimulatedClock,
): Promise<void> {
  for (const [i, { warmUp }] of instruments.entries()) {
    if (!warmUp?.length) continue;
    const { key } = setups[i]!;
    clock.setWallMs(warmUp.at(-1)!.openMs + timeframeMs(key.timeframe));
    await pipeline.warmUp(key, warmUp);
  }
}

function cursorsOf(
  { instruments, model }: TimelineOptions,
  pipeline: Pipeline,
  setups: readonly StreamSetup[],
  clock: SimulatedClock,
  collectors: ReadonlyMap<string, BacktestCollector>,
): readonly StreamCursor[] {
  const spanBars = Math.max(SPAN_BARS_MIN, Math.floor((2 * SPAN_BARS) / (instruments.length + 1)));
  // The cursors read one after the other.
  const work = createSpanWork(spanBars);
  return instruments.map(({ candles, givenProbabilities }, i) => {
    const { key } = setups[i]!;
    const barMs = timeframeMs(key.timeframe);
    return {
      key,
      decide: pipeline.deciderOf(key),
      barMs,
      spans: readBars({
        source: candles,
        layers: pipeline.layersOf(key),
        clock,
        barMs,
        modelHash: model.sha256,
        spanBars,
        work,
        ...(givenProbabilities === undefined ? {} : { givenProbabilities }),
      }),
      collector: collectors.get(key.symbol)!,
      span: null,
      at: 0,
    };
  });
}

async function decideAll(
  cursors: readonly StreamCursor[],
  exchange: BacktestExchange,
  store: Store,
  keepsRecords: boolean,
  options: Pick<TimelineOptions, 'onProgress' | 'model'>,
): Promise<void> {
  // Where no record outlives its bar, all bars may share one bar's memory.
  const scratch = keepsRecords ? undefined : createBarScratch(options.model.sha256);
  let rowsDone = 0;
  /** Close time of each cursor's next bar; infinite when there is none. All in one place, since each is looked at for each time. */
  const nextMs = new Float64Array(cursors.length).fill(Number.POSITIVE_INFINITY);

  /** Continues with the cursor's next span with a bar in it. */
  async function nextSpan(cursor: StreamCursor, i: number): Promise<void> {
    nextMs[i] = Number.POSITIVE_INFINITY;
    cursor.span = null;
    for (;;) {
      const { value: span, done } = await cursor.spans.next();
      if (done) return;
      cursor.collector.quarantine(span.quarantined);
      const rows = span.quarantined.filter(({ reason }) => reason !== 'duplicate');
      if (rows.length > 0) await store.quarantine(rows);
      rowsDone += span.rows;
      options.onProgress?.(rowsDone);
      if (span.length === 0) continue;
      cursor.span = span;
      cursor.at = 0;
      nextMs[i] = span.openMs(0) + cursor.barMs;
      return;
    }
  }

  for (const [i, cursor] of cursors.entries()) await nextSpan(cursor, i);
  let nowMs = Math.min(...nextMs);
  while (nowMs < Number.POSITIVE_INFINITY) {
    let soonestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < cursors.length; i++) {
      // A lone stream stays in here for a whole span.
      while (nextMs[i] === nowMs) {
        const cursor = cursors[i]!;
        const { span, at, key } = cursor;
        if (span === null) break;
        const candle = span.candle(at, scratch?.candle);
        exchange.advanceTo(key, candle, nowMs);
        const decided = cursor.decide(
          candle,
          span.features(at, scratch?.features),
          span.prediction(at, scratch?.prediction),
          span.missingBars(at),
        );
        const outcome = decided instanceof Promise ? await decided : decided;
        if (outcome.kind === 'decided') cursor.collector.take(outcome);
        if (at + 1 < span.length) {
          cursor.at = at + 1;
          nextMs[i] = span.openMs(at + 1) + cursor.barMs;
        } else await nextSpan(cursor, i);
        if (cursors.length === 1) nowMs = nextMs[0]!;
      }
      if (nextMs[i]! < soonestMs) soonestMs = nextMs[i]!;
    }
    nowMs = soonestMs;
  }
}
