import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { runInBackground } from '../adapters/background-process/index.js';
import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import type { ControlReply, ControlRoutes } from '../adapters/control-socket/control-server.js';
import { createModelDirectory } from '../adapters/files/model-directory.js';
import { promote, readPromotions, rollback } from '../adapters/files/promotion-file.js';
import type { Log } from '../adapters/log/log.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import { createModelWatch, type ModelWatch } from '../adapters/onnx/model-watch.js';
import { boxPaths } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { Alerts } from '../core/alert.js';
import { type CandleColumns, joinColumns, type StreamKey, streamName } from '../core/candle.js';
import { badInput, fault, messageOf } from '../core/errors.js';
import { FEATURE_WINDOW } from '../core/feature-set.js';
import type { ModelManifest } from '../core/manifest.js';
import { strangeMarket } from '../core/model-market.js';
import type { ModelRecord } from '../core/records.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import { CHALLENGE_DEFAULTS } from '../learning/challenge.js';
import { lowerBound } from '../learning/folds.js';
import { createRegistry } from '../learning/registry.js';
import { FOREST_DEFAULTS } from '../learning/train.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import { createInferenceLayer } from '../pipeline/inference/index.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { AuditLog, StoreReader } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { DecidingModel } from './deciding-model.js';
import { createHealthPolicy } from './health-policy.js';
import type { RetrainAnswer } from './retrain-job.js';
import type { RetrainerRequest } from './retrainer.js';
import { createRetraining, type Retraining, type RetrainOutcome } from './retraining.js';

export interface ModelLifecycleOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly alerts: Alerts;
  readonly store: Pick<AuditLog, 'recordModel'> & Pick<StoreReader, 'candles' | 'models'>;
  readonly pipeline: Pick<Pipeline, 'useModel' | 'health'>;
  readonly streams: readonly { readonly key: StreamKey; readonly calendar: Calendar }[];
  /** The model that decides, exchanged here for another; and its folder at the start. */
  readonly deciding: DecidingModel;
  readonly modelDir: string;
  readonly requestHalt: (detail: string) => void;
  /** The program that trains; the compiled one beside this file where undefined. */
  readonly retrainer?: URL;
}

/** How often the model's files are compared with the model in memory. */
const MODEL_WATCH_MS = 60_000;
/** Bars read at once for a retraining: the store takes what the pipeline wants between two such pieces. */
const BARS_AT_ONCE = 2_000;
const HOUR_MS = 3_600_000;
/** Of five weekdays of bars a week seven days go by. */
const WEEK_SHARE = 7 / 5;

const named = z.strictObject({ name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/) });

/** The trader's part that looks after its model: watches its files and its health, calls challengers, changes it. */
export class ModelLifecycle {
  readonly #options: ModelLifecycleOptions;
  readonly #root;
  readonly #scheduler = createSystemScheduler();
  readonly #registry;
  /** One change of the model after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  readonly #healthPolicy;
  #dir;
  #watch: ModelWatch | null = null;
  #retraining: Retraining | null = null;

  constructor(options: ModelLifecycleOptions) {
    this.#options = options;
    this.#root = boxPaths(options.config).models;
    this.#registry = createRegistry(createModelDirectory(this.#root));
    this.#healthPolicy = createHealthPolicy({
      actions: options.config.modelHealth,
      requestHalt: options.requestHalt,
    });
    this.#dir = options.modelDir;
  }

  async start(): Promise<void> {
    const attempts = (await this.#options.store.models()).filter(({ event }) =>
      /trained|refused|kept/.test(event),
    );
    if (this.#options.config.retraining.mode !== 'off') {
      this.#retraining = createRetraining({
        clock: this.#options.clock,
        intervalMsMin: this.#options.config.retraining.intervalHoursMin * HOUR_MS,
        everyMs: this.#options.config.retraining.everyDays * 24 * HOUR_MS,
        lastAttemptMs: attempts.at(-1)?.atMs ?? null,
        attempt: (_, onProgress, signal) => this.#attempt(onProgress, signal),
        onOutcome: (outcome) =>
          this.#onOutcome(outcome).catch((error) =>
            this.#options.log.error({ err: error }, 'retraining was not recorded'),
          ),
      });
    }
    await this.#record(this.#options.deciding.manifest, 'loaded');
    this.#watchFiles();
  }

  /** Ends a training that is under way. The model that decides is the caller's to close. */
  async stop(): Promise<void> {
    this.#watch?.stop();
    await this.#retraining?.stop();
  }

  onBar(outcome: BarOutcome): void {
    if (outcome.kind !== 'decided' || outcome.health === null) return;
    const follow = this.#healthPolicy.onHealth(outcome.stream, outcome.health);
    if (this.#options.config.retraining.mode !== 'on') return;
    const trigger = this.#retraining?.consider(follow.includes('retrain')) ?? null;
    if (trigger !== null) this.#options.log.info({ trigger }, 'a challenger is trained');
  }

  /** The state of `states`, or a lower one where the model's health asks for it. */
  limit(states: TradingStateSource): TradingStateSource {
    return this.#healthPolicy.limit(states);
  }

  /** What is to be said where it decides on what it was not trained on, or where nobody knows; null where it fits. */
  market(): string | null {
    return this.#strange()?.sentence ?? null;
  }

  /** Says that to the log and the phone; of a model that takes over later it is said by itself. */
  async reportMarket(): Promise<void> {
    const found = this.#strange();
    if (found === null) return;
    const { fit, model, trainedOn, usedOn, sentence } = found;
    this.#options.log.warn({ model }, sentence);
    if (fit === 'off') await this.#options.alerts.raise('MODEL_OFF_MARKET', { model, trainedOn, usedOn });
    else await this.#options.alerts.raise('MODEL_MARKET_UNSAID', { model, usedOn });
  }

  /** Its name for people: the first digits of its hash. */
  modelName(): string {
    return this.#nameOf(this.#options.deciding.manifest);
  }

  readonly routes: ControlRoutes = {
    'GET /model': () => this.#current(),
    'POST /model/retrain': () => this.#askForRetraining(),
    'POST /model/promote': (body) => this.#promoteAsked(body),
    'POST /model/rollback': () => this.#rollBack(),
  };

  #askForRetraining(): ControlReply {
    if (this.#retraining === null)
      throw badInput('E_RETRAIN_OFF', 'retraining.mode is off', 'set it to by-hand or on, and restart');
    if (!this.#retraining.ask())
      throw fault('E_BUSY', 'a challenger is being trained already', 'wait until it is done');
    return { status: 200, body: {} };
  }

  async #promoteAsked(body: unknown): Promise<ControlReply> {
    const found = named.safeParse(body);
    if (!found.success) throw badInput('E_BODY', messageOf(found.error), 'see redbutton model list');
    const { sha256 } = await this.#promoteModel(found.data.name);
    return { status: 200, body: { sha256 } };
  }

  async #rollBack(): Promise<ControlReply> {
    const { before } = await readPromotions(this.#root);
    const last = before.at(-1) ?? null;
    const target = last === null ? this.#options.config.modelDir : path.join(this.#root, last);
    const { sha256 } = await this.#change(target, () => rollback(this.#root));
    return { status: 200, body: { sha256, name: last } };
  }

  #nameOf(manifest: ModelManifest) {
    return manifest.sha256.slice(0, 8);
  }

  #tell(work: Promise<void>): void {
    work.catch((error) => this.#options.log.error({ err: error }, 'an alert was lost'));
  }

  #record(manifest: ModelManifest, event: ModelRecord['event']): Promise<void> {
    const { sha256: modelHash } = manifest;
    return this.#options.store.recordModel({
      modelHash,
      event,
      manifest: JSON.stringify(manifest),
      atMs: this.#options.clock.wallMs(),
    });
  }

  #strange() {
    return strangeMarket(
      this.#options.deciding.manifest,
      this.#options.streams.map(({ key }) => key),
    );
  }

  #watchFiles(): void {
    this.#watch?.stop();
    this.#watch = createModelWatch({
      dir: this.#dir,
      sha256: this.#options.deciding.manifest.sha256,
      scheduler: this.#scheduler,
      periodMs: MODEL_WATCH_MS,
      onChanged: (errorCode, detail) =>
        this.#tell(this.#options.alerts.raise('LAYER_FAULT', { layer: 'inference', errorCode, detail })),
    });
    this.#watch.start();
  }

  /** Lets the model of a folder decide from the next bar on; `note` writes the choice down, so that a restart keeps it. */
  #change(nextDir: string, note: () => Promise<unknown>): Promise<ModelManifest> {
    const change = this.#changing.then(async () => {
      const next = await loadClassifier(nextDir);
      try {
        // Throws where the model does not fit: before anything is written.
        createInferenceLayer({ classifier: next });
        await note();
        await this.#options.pipeline.useModel(next.manifest, () =>
          createInferenceLayer({ classifier: next }),
        );
      } catch (error) {
        await next.close();
        throw error;
      }
      const before = this.#options.deciding.replaceBy(next);
      this.#dir = nextDir;
      this.#watchFiles();
      await before.close();
      await this.#record(before.manifest, 'retired');
      await this.#record(next.manifest, 'loaded');
      this.#tell(
        this.#options.alerts.raise('MODEL_PROMOTED', {
          model: this.#nameOf(next.manifest),
          before: this.#nameOf(before.manifest),
        }),
      );
      this.#options.log.warn(
        { model: next.manifest.sha256, before: before.manifest.sha256 },
        'another model decides',
      );
      this.#tell(this.reportMarket());
      return next.manifest;
    });
    this.#changing = change.catch(() => undefined);
    return change;
  }

  #promoteModel(name: string) {
    return this.#change(path.join(this.#root, name), () => promote(this.#root, name));
  }

  async #candlesOf(key: StreamKey, fromMs: number, toMs: number): Promise<CandleColumns> {
    const pieces: CandleColumns[] = [];
    const stepMs = BARS_AT_ONCE * timeframeMs(this.#options.config.timeframe);
    for (let at = fromMs; at <= toMs; at += stepMs) {
      pieces.push(await this.#options.store.candles(key, at, at + stepMs));
      // Pieces that are there at once must not hold up the event loop one after the other either.
      await nextTurn();
    }
    return joinColumns(pieces);
  }

  async #requestOf(): Promise<RetrainerRequest | string> {
    const { trainRowsMax, testRowsMin, testRowsMax } = this.#options.config.retraining;
    const barMs = timeframeMs(this.#options.config.timeframe);
    const nowMs = this.#options.clock.wallMs();
    const bars = trainRowsMax + testRowsMax + 2 * FEATURE_WINDOW + CHALLENGE_DEFAULTS.embargoBars;
    const streams: RetrainerRequest['streams'][number][] = [];
    for (const { key, calendar } of this.#options.streams) {
      const fromMs = Math.floor(nowMs - bars * barMs * (calendar === 'weekdays' ? WEEK_SHARE : 1));
      streams.push({ candles: await this.#candlesOf(key, fromMs, nowMs), calendar });
    }
    // Known without training anything: whether there are bars enough that the champion has not seen.
    const sinceMs = this.#options.deciding.manifest.training?.toMs ?? Number.NEGATIVE_INFINITY;
    const unseen = streams.reduce(
      (sum, { candles: { openMs, length } }) => sum + length - lowerBound(openMs, sinceMs + 1),
      0,
    );
    const all = streams.reduce((sum, { candles }) => sum + candles.length, 0);
    const comparable = Math.min(unseen, all - CHALLENGE_DEFAULTS.trainRowsMin);
    if (comparable < testRowsMin) {
      return `${Math.max(0, comparable)} bars to compare champion and challenger on, ${testRowsMin} are needed`;
    }
    return {
      championDir: this.#dir,
      streams,
      timeframe: this.#options.config.timeframe,
      maxGapBars: this.#options.config.ingestion.maxGapBars,
      origin: {
        exchange: [...new Set(this.#options.streams.map(({ key }) => key.exchange))].join(),
        symbol: [...new Set(this.#options.streams.map(({ key }) => key.symbol))].join(),
        timeframe: this.#options.config.timeframe,
      },
      forest: {
        ...FOREST_DEFAULTS,
        trees: this.#options.config.retraining.trees,
        threads: this.#options.config.retraining.threads,
      },
      rules: {
        ...CHALLENGE_DEFAULTS,
        trainRowsMax,
        testRowsMin,
        testRowsMax,
        margin: this.#options.config.retraining.margin,
        significance: this.#options.config.retraining.significance,
      },
      nowMs,
    };
  }

  async #attempt(
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<RetrainOutcome> {
    const request = await this.#requestOf();
    if (typeof request === 'string') return { kind: 'kept', detail: request };
    const entry = this.#options.retrainer ?? new URL('./retrainer.js', import.meta.url);
    let memoryMb = 0;
    const answer = (await runInBackground(request, {
      entry,
      memoryMbMax: this.#options.config.retraining.memoryMbMax,
      scheduler: this.#scheduler,
      signal,
      onProgress,
      onNotNice: (detail) =>
        this.#options.log.warn(
          { errorCode: 'E_PRIORITY', detail },
          'training runs at the priority of the trader',
        ),
      onMemory: (mb) => {
        memoryMb = Math.max(memoryMb, mb);
      },
    })) as RetrainAnswer;
    const { challenge, trained } = answer;
    this.#options.log.info(
      { challenge, memoryMb: Math.round(memoryMb) },
      'a challenger was held against the model',
    );
    if (trained === null) {
      return { kind: 'kept', detail: `${challenge.rows} rows are too few to compare on` };
    }
    const { current, before } = await readPromotions(this.#root);
    const inUse = [current, before.at(-1) ?? null].filter((name) => name !== null);
    const model = await this.#registry.add(trained, inUse);
    await this.#record(trained.manifest, challenge.promoted ? 'trained' : 'refused');
    if (!challenge.promoted) return { kind: 'refused', model, challenge };
    if (this.#options.config.retraining.promote === 'by-hand') return { kind: 'won', model, challenge };
    await this.#promoteModel(model);
    return { kind: 'promoted', model, challenge };
  }

  async #onOutcome(outcome: RetrainOutcome): Promise<void> {
    this.#options.log.info({ outcome }, 'retraining');
    if (outcome.kind === 'kept' || outcome.kind === 'failed') {
      // The time of the attempt must outlive a restart, or a box that restarts often would train often.
      await this.#record(this.#options.deciding.manifest, 'kept');
      if (outcome.kind === 'failed')
        this.#tell(this.#options.alerts.raise('RETRAIN_FAILED', { detail: outcome.detail }));
      return;
    }
    const { model, challenge } = outcome;
    const figures = {
      model,
      auc: challenge.challengerAuc ?? Number.NaN,
      championAuc: challenge.championAuc ?? Number.NaN,
    };
    if (outcome.kind === 'won') this.#tell(this.#options.alerts.raise('MODEL_RETRAINED', figures));
    if (outcome.kind === 'refused') this.#tell(this.#options.alerts.raise('MODEL_REFUSED', figures));
  }

  #current(): ControlReply {
    const { sha256, training } = this.#options.deciding.manifest;
    return {
      status: 200,
      body: {
        sha256,
        dir: this.#dir,
        trainedToMs: training?.toMs ?? null,
        health: Object.fromEntries(
          this.#options.streams.map(({ key }) => [streamName(key), this.#options.pipeline.health(key)]),
        ),
        retraining: this.#retraining?.state() ?? null,
      },
    };
  }
}
