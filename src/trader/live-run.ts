import type { AlertRaiser } from '../core/alert.js';
import { type StreamKey, streamName } from '../core/candle.js';
import type { LayerHealth } from '../core/health.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import type { ReconcileLoop } from '../execution/reconcile-loop.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import {
  createFeedKeeper,
  createGapKeeper,
  type FeedKeeper,
  type GapKeeper,
  type RestWatch,
} from '../pipeline/ingestion/index.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { BoxState } from '../ports/alerts.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { CandleFeed, RawCandle } from '../ports/market.js';
import type { Store, StoreNotes, StoreReader } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { BoxConditions } from './box-conditions.js';

export interface LiveStream {
  readonly key: StreamKey;
  readonly feed: CandleFeed;
  readonly calendar: Calendar;
}

export interface LiveRunOptions {
  readonly pipeline: Pipeline;
  readonly streams: readonly LiveStream[];
  /** What must be met before a bar is taken; absent for a market with a time and a box of its own. */
  readonly conditions?: BoxConditions;
  readonly store: Store & Pick<StoreNotes, 'recordGap'> & Pick<StoreReader, 'gaps'>;
  readonly clock: Clock;
  readonly alerts: AlertRaiser;
  readonly states: TradingStateSource;
  readonly mode: 'paper' | 'live';
  readonly version: string;
  readonly silenceMsMax: number;
  readonly backfillBars: number;
  readonly backoffMs: readonly number[];
  /** Run beside the streams: each watches whether an exchange answers requests. */
  readonly restWatches?: readonly Pick<RestWatch, 'watch'>[];
  /** Run beside the streams, by exchange: each compares with its own, at once when a feed of it is back. None on paper. */
  readonly reconciling?: ReadonlyMap<string, ReconcileLoop>;
  /** Run alongside the streams until the end, such as what follows an exchange's word on our orders. */
  readonly alongside?: readonly ((signal: AbortSignal) => Promise<void>)[];
  readonly publishState: () => void;
  /** A bar has arrived closed, which proves that its close time has come: for a clock that follows a simulator. */
  readonly onArrival?: ((closeMs: number, stream: StreamKey) => void) | undefined;
  /** Everything that came of a bar, after it was stored and acted on. */
  readonly onBar: (outcome: BarOutcome) => Promise<void>;
}

export interface LiveRun {
  /** Warms each stream up from the store. */
  start(): Promise<void>;
  /** Follows every stream until `signal` aborts. Rejects when a bar cannot be handled: then the process must end. */
  run(signal: AbortSignal): Promise<void>;
  state(): BoxState;
}

/** Known bars asked for again whenever a connection begins: what the exchange changed in them is a late correction. */
const OVERLAP_BARS = 5;

/** Runs the pipeline on live streams: each stream's feed is kept alive on its own, so a sick one does not slow the others. */
export function createLiveRun(options: LiveRunOptions): LiveRun {
  const { pipeline, clock, alerts } = options;
  const gapKeepers = new Map<string, GapKeeper>();
  const keepers = new Map<string, FeedKeeper>();
  const faults = new Map<string, string>();

  function state(): BoxState {
    const { account, positions, trades, lastBarMs } = pipeline.state();
    const health = options.streams.map(({ key }) => pipeline.health(key));
    const worst =
      health.find(({ status }) => status === 'CRITICAL') ??
      health.find(({ status }) => status === 'WARNING') ??
      health[0];
    const ages = [...keepers.values()].map((keeper) => keeper.ageMs()).filter((age) => age !== null);
    return {
      tradingState: options.states.state(),
      mode: options.mode,
      equity: account.equity,
      drawdown: account.drawdown,
      positions,
      trades,
      feedAgeMs: ages.length === 0 ? null : Math.max(...ages),
      modelHealth: worst?.status ?? 'UNKNOWN',
      rollingAuc: worst?.rollingAuc ?? null,
      layers: [...layers(lastBarMs), ...(options.conditions?.health() ?? [])],
      version: options.version,
      atMs: clock.wallMs(),
    };
  }

  function layers(lastBarMs: Readonly<Record<string, number | null>>): LayerHealth[] {
    return options.streams.map(({ key }) => {
      const name = streamName(key);
      const openMs = lastBarMs[name] ?? null;
      const fault = faults.get(name) ?? null;
      return {
        layer: `ingestion ${name}`,
        state: fault !== null ? 'fault' : openMs === null ? 'idle' : 'ok',
        lastSuccessMs: openMs === null ? null : openMs + timeframeMs(key.timeframe),
        errorCode: fault === null ? null : 'E_FEED_LOST',
        detail: fault,
      };
    });
  }

  /** Alerts are never waited for here: a full outbox is told by its own fault, and must not stop a feed from healing. */
  function tell(work: Promise<void>): void {
    work.catch((error: unknown) => {
      faults.set('alerts', String(error));
    });
  }

  function keep({ key, feed, calendar }: LiveStream, signal: AbortSignal): Promise<void> {
    const name = streamName(key);
    const keeper = createFeedKeeper({
      feed,
      stream: key,
      timeframeMs: timeframeMs(key.timeframe),
      calendar,
      overlapBars: OVERLAP_BARS,
      clock,
      silenceMsMax: options.silenceMsMax,
      backfillBars: options.backfillBars,
      backoffMs: options.backoffMs,
      newestOpenMs: () => pipeline.lastBarMs(key),
      async onCandle(raw, live) {
        options.onArrival?.(raw.openMs + timeframeMs(key.timeframe), key);
        await options.conditions?.ready(signal);
        const outcome = live ? await pipeline.onCandle(key, raw) : await pipeline.onHistory(key, raw);
        if ('missingBars' in outcome && outcome.missingBars > 0)
          await gapKeepers.get(name)?.found(raw.openMs, outcome.missingBars);
        await options.onBar(outcome);
        if (outcome.kind === 'decided') options.publishState();
      },
      events: {
        onLost: (_stream, message) => {
          const first = !faults.has(name);
          faults.set(name, message);
          if (first)
            tell(
              alerts.raise('LAYER_FAULT', {
                layer: `ingestion ${name}`,
                errorCode: 'E_FEED_LOST',
                detail: message,
              }),
            );
        },
        onSilent: (_stream, ageMs) => tell(alerts.raise('FEED_SILENT', { symbol: key.symbol, ageMs })),
        onBack: (_stream, silentMs) => {
          options.reconciling?.get(key.exchange)?.wake();
          const wasSick = faults.delete(name);
          if (wasSick) tell(alerts.raise('FEED_BACK', { symbol: key.symbol, silentMs }));
        },
      },
    });
    keepers.set(name, keeper);
    const { conditions } = options;
    if (conditions === undefined) return keeper.run(signal);
    // An aborted wait rejects: then there is nothing to follow.
    return conditions.ready(signal).then(
      () => keeper.run(signal),
      (error: unknown) => {
        if (!signal.aborted) throw error;
      },
    );
  }

  return {
    state,
    async start() {
      for (const { key, feed, calendar } of options.streams) {
        const recent = await options.store.lastCandles(key, pipeline.warmUpBars);
        await pipeline.warmUp(key, recent);
        const fill = (rows: readonly RawCandle[]) => pipeline.fillGap(key, rows);
        const gaps = createGapKeeper({ feed, stream: key, calendar, clock, store: options.store, fill });
        gapKeepers.set(streamName(key), gaps);
        await gaps.start(recent);
      }
    },
    async run(signal) {
      // One stream whose bars cannot be handled ends them all: going on with half a truth is worse than a restart.
      const together = new AbortController();
      const stop = () => together.abort(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      const endAllOn = <T>(task: Promise<T>): Promise<T> =>
        task.catch((error: unknown) => {
          together.abort(error);
          throw error;
        });
      const exchanges = new Set(options.streams.map(({ key }) => key.exchange));
      const beside = [...exchanges].map((exchange) =>
        pipeline.orders.watchUnknown(exchange, together.signal),
      );
      if (options.conditions) beside.push(options.conditions.run(together.signal));
      for (const gaps of gapKeepers.values()) beside.push(gaps.run(together.signal));
      for (const rest of options.restWatches ?? []) beside.push(rest.watch(together.signal));
      for (const loop of options.reconciling?.values() ?? []) beside.push(loop.run(together.signal));
      for (const run of options.alongside ?? []) beside.push(run(together.signal));
      const settling = Promise.allSettled(beside.map(endAllOn));
      const streams = options.streams.map((stream) => endAllOn(keep(stream, together.signal)));
      const ended: PromiseSettledResult<void>[] = await Promise.allSettled(streams);
      together.abort(signal.reason);
      ended.push(...(await settling));
      signal.removeEventListener('abort', stop);
      const failed = ended.find((end) => end.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}
