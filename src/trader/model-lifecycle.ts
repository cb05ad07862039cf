import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { runInBackground } from '../adapters/background-process/index.js';
import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import type { ControlReply, ControlRoutes } from '../adapters/control-socket/control-server.js';
import { createModelShelf } from '../adapters/files/model-shelf.js';
import { promote, readPromotions, rollback } from '../adapters/files/promotion-file.js';
import type { Log } from '../adapters/log/log.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import { createModelWatch, type ModelWatch } from '../adapters/onnx/model-watch.js';
import { boxPaths } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { AlertRaiser } from '../core/alert.js';
import { type CandleColumns, joinColumns, type StreamKey, streamName } from '../core/candle.js';
import { badInput, messageOf } from '../core/errors.js';
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
import type { StoreNotes, StoreReader } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { DecidingModel } from './deciding-model.js';
import { createModelConduct } from './health-policy.js';
import type { RetrainAnswer } from './retrain-job.js';
import type { RetrainerRequest } from './retrainer.js';
import { createRetraining, type Retraining, type RetrainOutcome } from './retraining.js';

export interface ModelCareOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly alerts: AlertRaiser;
  readonly store: Pick<StoreNotes, 'recordModel'> & Pick<StoreReader, 'candles' | 'models'>;
  readonly pipeline: Pick<Pipeline, 'useModel' | 'health'>;
  readonly streams: readonly { readonly key: StreamKey; readonly calendar: Calendar }[];
  /** The model that decides, exchanged here for another; and its folder at the start. */
  readonly deciding: DecidingModel;
  readonly modelDir: string;
  readonly requestHalt: (detail: string) => void;
  /** The program that trains; the compiled one beside this file where undefined. */
  readonly retrainer?: URL;
}

/** The trader's part that looks after its model: watches its files and its health, calls challengers, changes it. */
export interface ModelCare {
  start(): Promise<void>;
  /** Ends a training that is under way. The model that decides is the caller's to close. */
  stop(): Promise<void>;
  onBar(outcome: BarOutcome): void;
  /** The state of `states`, or a lower one where the model's health asks for it. */
  limit(states: TradingStateSource): TradingStateSource;
  /** What is to be said where it decides on what it was not trained on, or where nobody knows; null where it fits. */
  market(): string | null;
  /** Says that to the log and the phone; of a model that takes over later it is said by itself. */
  tellMarket(): Promise<void>;
  /** Its name for people: the first digits of its hash. */
  modelName(): string;
  readonly routes: ControlRoutes;
}

/** How often the model's files are compared with the model in memory. */
const MODEL_WATCH_MS = 60_000;
/** Bars read at once for a retraining: the store takes what the pipeline wants between two such pieces. */
const BARS_AT_ONCE = 2_000;
const HOUR_MS = 3_600_000;
/** Of five weekdays of bars a week seven days go by. */
const WEEK_SHARE = 7 / 5;

const named = z.strictObject({ name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/) });

export function createModelCare(options: ModelCareOptions): ModelCare {
  const { config, clock, log, alerts, store, pipeline } = options;
  const { retraining: settings } = config;
  const root = boxPaths(config).models;
  const scheduler = createSystemScheduler();
  const registry = createRegistry(createModelShelf(root));
  /** One change of the model after the other. */
  let changing: Promise<unknown> = Promise.resolve();
  const conduct = createModelConduct({
    actions: config.modelHealth,
    requestHalt: options.requestHalt,
  });
  const { deciding } = options;
  let dir = options.modelDir;
  let watch: ModelWatch | null = null;
  let retraining: Retraining | null = null;

  const nameOf = (manifest: ModelManifest) => manifest.sha256.slice(0, 8);

  function tell(work: Promise<void>): void {
    work.catch((error) => log.error({ err: error }, 'an alert was lost'));
  }

  function record(manifest: ModelManifest, event: ModelRecord['event']): Promise<void> {
    const { sha256: modelHash } = manifest;
    return store.recordModel({
      modelHash,
      event,
      manifest: JSON.stringify(manifest),
      atMs: clock.wallMs(),
    });
  }

  const strange = () =>
    strangeMarket(
      deciding.manifest,
      options.streams.map(({ key }) => key),
    );

  async function tellMarket(): Promise<void> {
    const found = strange();
    if (found === null) return;
    const { fit, model, trainedOn, usedOn, sentence } = found;
    log.warn({ model }, sentence);
    if (fit === 'off') await alerts.raise('MODEL_OFF_MARKET', { model, trainedOn, usedOn });
    else await alerts.raise('MODEL_MARKET_UNSAID', { model, usedOn });
  }

  function watchFiles(): void {
    watch?.stop();
    watch = createModelWatch({
      dir,
      sha256: deciding.manifest.sha256,
      scheduler,
      periodMs: MODEL_WATCH_MS,
      onChanged: (errorCode, detail) =>
        tell(alerts.raise('LAYER_FAULT', { layer: 'inference', errorCode, detail })),
    });
    watch.start();
  }

  /** Lets the model of a folder decide from the next bar on; `note` writes the choice down, so that a restart keeps it. */
  function change(nextDir: string, note: () => Promise<unknown>): Promise<ModelManifest> {
    const change = changing.then(async () => {
      const next = await loadClassifier(nextDir);
      try {
        // Throws where the model does not fit: before anything is written.
        createInferenceLayer({ classifier: next });
        await note();
        await pipeline.useModel(next.manifest, () => createInferenceLayer({ classifier: next }));
      } catch (error) {
        await next.close();
        throw error;
      }
      const before = deciding.replaceBy(next);
      dir = nextDir;
      watchFiles();
      await before.close();
      await record(before.manifest, 'retired');
      await record(next.manifest, 'loaded');
      tell(
        alerts.raise('MODEL_PROMOTED', {
          model: nameOf(next.manifest),
          before: nameOf(before.manifest),
        }),
      );
      log.warn({ model: next.manifest.sha256, before: before.manifest.sha256 }, 'another model decides');
      tell(tellMarket());
      return next.manifest;
    });
    changing = change.catch(() => undefined);
    return change;
  }

  const promoteModel = (name: string) => change(path.join(root, name), () => promote(root, name));

  async function candlesOf(key: StreamKey, fromMs: number, toMs: number): Promise<CandleColumns> {
    const pieces: CandleColumns[] = [];
    const stepMs = BARS_AT_ONCE * timeframeMs(config.timeframe);
    for (let at = fromMs; at <= toMs; at += stepMs) {
      pieces.push(await store.candles(key, at, at + stepMs));
      // Pieces that are there at once must not hold up the event loop one after the other either.
      await nextTurn();
    }
    return joinColumns(pieces);
  }

  async function requestOf(): Promise<RetrainerRequest | string> {
    const { trainRowsMax, testRowsMin, testRowsMax } = settings;
    const barMs = timeframeMs(config.timeframe);
    const nowMs = clock.wallMs();
    const bars = trainRowsMax + testRowsMax + 2 * FEATURE_WINDOW + CHALLENGE_DEFAULTS.embargoBars;
    const streams: RetrainerRequest['streams'][number][] = [];
    for (const { key, calendar } of options.streams) {
      const fromMs = Math.floor(nowMs - bars * barMs * (calendar === 'weekdays' ? WEEK_SHARE : 1));
      streams.push({ candles: await candlesOf(key, fromMs, nowMs), calendar });
    }
    // Known without training anything: whether there are bars enough that the champion has not seen.
    const sinceMs = deciding.manifest.training?.toMs ?? Number.NEGATIVE_INFINITY;
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
      championDir: dir,
      streams,
      timeframe: config.timeframe,
      maxGapBars: config.ingestion.maxGapBars,
      origin: {
        exchange: [...new Set(options.streams.map(({ key }) => key.exchange))].join(),
        symbol: [...new Set(options.streams.map(({ key }) => key.symbol))].join(),
        timeframe: config.timeframe,
      },
      forest: { ...FOREST_DEFAULTS, trees: settings.trees, threads: settings.threads },
      rules: {
        ...CHALLENGE_DEFAULTS,
        trainRowsMax,
        testRowsMin,
        testRowsMax,
        margin: settings.margin,
        significance: settings.significance,
      },
      nowMs,
    };
  }

  async function attempt(
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<RetrainOutcome> {
    const request = await requestOf();
    if (typeof request === 'string') return { kind: 'kept', detail: request };
    const entry = options.retrainer ?? new URL('./retrainer.js', import.meta.url);
    let memoryMb = 0;
    const answer = (await runInBackground(request, {
      entry,
      memoryMbMax: settings.memoryMbMax,
      scheduler,
      signal,
      onProgress,
      onNotNice: (detail) =>
        log.warn({ errorCode: 'E_PRIORITY', detail }, 'training runs at the priority of the trader'),
      onMemory: (mb) => {
        memoryMb = Math.max(memoryMb, mb);
      },
    })) as RetrainAnswer;
    const { challenge, trained } = answer;
    log.info({ challenge, memoryMb: Math.round(memoryMb) }, 'a challenger was held against the model');
    if (trained === null) {
      return { kind: 'kept', detail: `${challenge.rows} rows are too few to compare on` };
    }
    const { current, before } = await readPromotions(root);
    const inUse = [current, before.at(-1) ?? null].filter((name) => name !== null);
    const model = await registry.add(trained, inUse);
    await record(trained.manifest, challenge.promoted ? 'trained' : 'refused');
    if (!challenge.promoted) return { kind: 'refused', model, challenge };
    if (settings.promote === 'by-hand') return { kind: 'won', model, challenge };
    await promoteModel(model);
    return { kind: 'promoted', model, challenge };
  }

  async function onOutcome(outcome: RetrainOutcome): Promise<void> {
    log.info({ outcome }, 'retraining');
    if (outcome.kind === 'kept' || outcome.kind === 'failed') {
      // The time of the attempt must outlive a restart, or a box that restarts often would train often.
      await record(deciding.manifest, 'kept');
      if (outcome.kind === 'failed') tell(alerts.raise('RETRAIN_FAILED', { detail: outcome.detail }));
      return;
    }
    const { model, challenge } = outcome;
    const figures = {
      model,
      auc: challenge.challengerAuc ?? Number.NaN,
      championAuc: challenge.championAuc ?? Number.NaN,
    };
    if (outcome.kind === 'won') tell(alerts.raise('MODEL_RETRAINED', figures));
    if (outcome.kind === 'refused') tell(alerts.raise('MODEL_REFUSED', figures));
  }

  function current(): ControlReply {
    const { sha256, training } = deciding.manifest;
    return {
      status: 200,
      body: {
        sha256,
        dir,
        trainedToMs: training?.toMs ?? null,
        health: Object.fromEntries(options.streams.map(({ key }) => [streamName(key), pipeline.health(key)])),
        retraining: retraining?.state() ?? null,
      },
    };
  }

  return {
    async start() {
      const attempts = (await store.models()).filter(({ event }) => /trained|refused|kept/.test(event));
      if (settings.mode !== 'off') {
        retraining = createRetraining({
          clock,
          intervalMsMin: settings.intervalHoursMin * HOUR_MS,
          everyMs: settings.everyDays * 24 * HOUR_MS,
          lastAttemptMs: attempts.at(-1)?.atMs ?? null,
          attempt: (_, onProgress, signal) => attempt(onProgress, signal),
          onOutcome: (outcome) =>
            onOutcome(outcome).catch((error) => log.error({ err: error }, 'retraining was not recorded')),
        });
      }
      await record(deciding.manifest, 'loaded');
      watchFiles();
    },
    async stop() {
      watch?.stop();
      await retraining?.stop();
    },
    onBar(outcome) {
      if (outcome.kind !== 'decided' || outcome.health === null) return;
      const follow = conduct.onHealth(outcome.stream, outcome.health);
      if (settings.mode !== 'on') return;
      const trigger = retraining?.consider(follow.includes('retrain')) ?? null;
      if (trigger !== null) log.info({ trigger }, 'a challenger is trained');
    },
    limit: conduct.limit,
    market: () => strange()?.sentence ?? null,
    tellMarket,
    modelName: () => nameOf(deciding.manifest),
    routes: {
      'GET /model': current,
      'POST /model/retrain'() {
        if (retraining === null) {
          throw badInput('E_RETRAIN_OFF', 'retraining.mode is off', 'set it to by-hand or on, and restart');
        }
        if (!retraining.ask()) {
          throw badInput('E_BUSY', 'a challenger is being trained already', 'wait until it is done');
        }
        return { status: 200, body: {} };
      },
      async 'POST /model/promote'(body) {
        const found = named.safeParse(body);
        if (!found.success) throw badInput('E_BODY', messageOf(found.error), 'see redbutton model list');
        const { sha256 } = await promoteModel(found.data.name);
        return { status: 200, body: { sha256 } };
      },
      async 'POST /model/rollback'() {
        const { before } = await readPromotions(root);
        const last = before.at(-1) ?? null;
        const target = last === null ? config.modelDir : path.join(root, last);
        const { sha256 } = await change(target, () => rollback(root));
        return { status: 200, body: { sha256, name: last } };
      },
    },
  };
}
