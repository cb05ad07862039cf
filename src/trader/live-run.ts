import type { Alerts } from '../core/alert.js';
import { type StreamKey, streamName } from '../core/candle.js';
import type { LayerHealth } from '../core/health.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import type { ReconcileLoop } from '../execution/reconcile-loop.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import { GapFiller, type RestWatch, StreamSupervisor } from '../pipeline/ingestion/index.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { BoxState } from '../ports/alerts.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { CandleFeed, RawCandle } from '../ports/market.js';
import type { AuditLog, Store, StoreReader } from '../ports/store.js';
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
  readonly store: Store & Pick<AuditLog, 'recordGap'> & Pick<StoreReader, 'gaps'>;
  readonly clock: Clock;
  readonly alerts: Alerts;
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

/** Known bars asked for again whenever a connection begins: what the exchange changed in them is a late correction. */
const OVERLAP_BARS = 5;

/** Runs the pipeline on live streams: each stream's feed is kept alive on its own, so a failing one does not slow the others. */
export class LiveRun {
  readonly #options: LiveRunOptions;
  readonly #gapFillers = new Map<string, GapFiller>();
  readonly #supervisors = new Map<string, StreamSupervisor>();
  readonly #faults = new Map<string, string>();

  constructor(options: LiveRunOptions) {
    this.#options = options;
  }

  state(): BoxState {
    const { account, positions, trades, lastBarMs } = this.#options.pipeline.state();
    const health = this.#options.streams.map(({ key }) => this.#options.pipeline.health(key));
    const worst =
      health.find(({ status }) => status === 'CRITICAL') ??
      health.find(({ status }) => status === 'WARNING') ??
      health[0];
    const ages = [...this.#supervisors.values()]
      .map((supervisor) => supervisor.ageMs())
      .filter((age) => age !== null);
    return {
      tradingState: this.#options.states.state(),
      mode: this.#options.mode,
      equity: account.equity,
      drawdown: account.drawdown,
      positions,
      trades,
      feedAgeMs: ages.length === 0 ? null : Math.max(...ages),
      modelHealth: worst?.status ?? 'UNKNOWN',
      rollingAuc: worst?.rollingAuc ?? null,
      layers: [...this.#layers(lastBarMs), ...(this.#options.conditions?.health() ?? [])],
      version: this.#options.version,
      atMs: this.#options.clock.wallMs(),
    };
  }

  /** Warms each stream up from the store. */
  async start(): Promise<void> {
    for (const { key, feed, calendar } of this.#options.streams) {
      const recent = await this.#options.store.lastCandles(key, this.#options.pipeline.warmUpBars);
      await this.#options.pipeline.warmUp(key, recent);
      const fill = (rows: readonly RawCandle[]) => this.#options.pipeline.fillGap(key, rows);
      const gaps = new GapFiller({
        feed,
        stream: key,
        calendar,
        clock: this.#options.clock,
        store: this.#options.store,
        fill,
      });
      this.#gapFillers.set(streamName(key), gaps);
      await gaps.start(recent);
    }
  }

  /** Follows every stream until `signal` aborts. Rejects when a bar cannot be handled: then the process must end. */
  async run(signal: AbortSignal): Promise<void> {
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
    const exchanges = new Set(this.#options.streams.map(({ key }) => key.exchange));
    const beside = [...exchanges].map((exchange) =>
      this.#options.pipeline.orders.watchUnknown(exchange, together.signal),
    );
    if (this.#options.conditions) beside.push(this.#options.conditions.run(together.signal));
    for (const gaps of this.#gapFillers.values()) beside.push(gaps.run(together.signal));
    for (const rest of this.#options.restWatches ?? []) beside.push(rest.watch(together.signal));
    for (const loop of this.#options.reconciling?.values() ?? []) beside.push(loop.run(together.signal));
    for (const run of this.#options.alongside ?? []) beside.push(run(together.signal));
    const settling = Promise.allSettled(beside.map(endAllOn));
    const streams = this.#options.streams.map((stream) => endAllOn(this.#keep(stream, together.signal)));
    const ended: PromiseSettledResult<void>[] = await Promise.allSettled(streams);
    together.abort(signal.reason);
    ended.push(...(await settling));
    signal.removeEventListener('abort', stop);
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #layers(lastBarMs: Readonly<Record<string, number | null>>): LayerHealth[] {
    return this.#options.streams.map(({ key }) => {
      const name = streamName(key);
      const openMs = lastBarMs[name] ?? null;
      const fault = this.#faults.get(name) ?? null;
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
  #tell(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#faults.set('alerts', String(error));
    });
  }

  #keep({ key, feed, calendar }: LiveStream, signal: AbortSignal): Promise<void> {
    const name = streamName(key);
    const supervisor = new StreamSupervisor({
      feed,
      stream: key,
      timeframeMs: timeframeMs(key.timeframe),
      calendar,
      overlapBars: OVERLAP_BARS,
      clock: this.#options.clock,
      silenceMsMax: this.#options.silenceMsMax,
      backfillBars: this.#options.backfillBars,
      backoffMs: this.#options.backoffMs,
      newestOpenMs: () => this.#options.pipeline.lastBarMs(key),
      onCandle: async (raw, live) => {
        this.#options.onArrival?.(raw.openMs + timeframeMs(key.timeframe), key);
        await this.#options.conditions?.ready(signal);
        const outcome = live
          ? await this.#options.pipeline.onCandle(key, raw)
          : await this.#options.pipeline.onHistory(key, raw);
        if ('missingBars' in outcome && outcome.missingBars > 0)
          await this.#gapFillers.get(name)?.found(raw.openMs, outcome.missingBars);
        await this.#options.onBar(outcome);
        if (outcome.kind === 'decided') this.#options.publishState();
      },
      events: {
        onLost: (_stream, message) => {
          const first = !this.#faults.has(name);
          this.#faults.set(name, message);
          if (first)
            this.#tell(
              this.#options.alerts.raise('LAYER_FAULT', {
                layer: `ingestion ${name}`,
                errorCode: 'E_FEED_LOST',
                detail: message,
              }),
            );
        },
        onSilent: (_stream, ageMs) =>
          this.#tell(this.#options.alerts.raise('FEED_SILENT', { symbol: key.symbol, ageMs })),
        onBack: (_stream, silentMs) => {
          this.#options.reconciling?.get(key.exchange)?.wake();
          const wasFailing = this.#faults.delete(name);
          if (wasFailing)
            this.#tell(this.#options.alerts.raise('FEED_BACK', { symbol: key.symbol, silentMs }));
        },
      },
    });
    this.#supervisors.set(name, supervisor);
    const { conditions } = this.#options;
    if (conditions === undefined) return supervisor.run(signal);
    // An aborted wait rejects: then there is nothing to follow.
    return conditions.ready(signal).then(
      () => supervisor.run(signal),
      (error: unknown) => {
        if (!signal.aborted) throw error;
      },
    );
  }
}
