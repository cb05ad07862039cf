// @module-tag processes

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DuckStore, openStore } from '../../src/adapters/duckdb/index.js';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { loadClassifier } from '../../src/adapters/onnx/classifier.js';
import { configSchema } from '../../src/config/schema.js';
import { type Candle, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import { createInferenceLayer } from '../../src/pipeline/inference/index.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { createStreamSetup } from '../../src/pipeline/stream-setup.js';
import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { DecidingModel } from '../../src/trader/deciding-model.js';
import { ModelLifecycle } from '../../src/trader/model-lifecycle.js';
import type { RetrainingState } from '../../src/trader/retraining.js';
import { type Compiled, compile } from '../support/compiled.js';
import { pulledWalk, trainFolder } from '../support/lived-store.js';
import { paperExchange, START_CASH } from '../support/paper-world.js';
import { HOUR_MS, KEY, SPOT } from '../support/tiny-stream.js';

const HISTORY = 4000;
const TURN = 1500;
let compiled: Compiled;
beforeAll(() => {
  compiled = compile(['src/trader/retrainer.ts']);
}, 120_000);
afterAll(() => compiled.remove());

interface Box {
  readonly dir: string;
  readonly lifecycle: ModelLifecycle;
  readonly deciding: DecidingModel;
  readonly pipeline: Pipeline;
  readonly store: DuckStore;
  readonly alerts: { readonly code: string; readonly figures: object }[];
  readonly errors: object[];
  bar(): Promise<string>;
  /** Asks for a retraining and takes bars until it is done. */
  retrain(): Promise<RetrainingState>;
  close(): Promise<void>;
}

/** A box whose market's law turns round after its model was trained, or does not. */
async function box(
  turns: boolean,
  retraining: object = {},
  dir = mkdtempSync(path.join(tmpdir(), 'rb-lifecycle-')),
) {
  const candles: Candle[] = pulledWalk(HISTORY + 600, 5, (i) => (turns && i >= TURN ? 0.4 : -0.4));
  const modelDir = path.join(dir, 'champion');
  if (!existsSync(modelDir)) await trainFolder(modelDir, candles.slice(0, TURN), 1);
  const config = configSchema.parse({
    modelDir,
    device: { stateDir: dir, runDir: dir },
    exchange: [{ id: KEY.exchange, symbols: [KEY.symbol] }],
    retraining: { mode: 'by-hand', trainRowsMax: 1500, trees: 60, threads: 2, ...retraining },
  });
  const clock = createSimulatedClock();
  clock.setWallMs(candles[HISTORY]!.openMs);
  const classifier = await loadClassifier(modelDir);
  const store = await openStore({ path: path.join(dir, 'box.duckdb') });
  await store.addCandles(KEY, toColumns(candles.slice(0, HISTORY)), clock.wallMs());
  const pipeline = new Pipeline({
    config,
    streams: [
      createStreamSetup({
        key: KEY,
        calendar: '24x7',
        marketRules: SPOT,
        ingestion: config.ingestion,
        kernel: createFeatureKernel(),
        inference: createInferenceLayer({ classifier }),
        clock,
      }),
    ],
    model: classifier.manifest,
    clock,
    store,
    brokers: [paperExchange(clock)],
    permit: { read: () => ({ ok: false, reason: 'absent' }) },
    ids: createOrderIds('care', clock, seededRng(1)),
    startCash: START_CASH,
    tradingState: () => 'HALTED',
    quoteFor: () => undefined,
    healthEachBar: true,
  });
  await pipeline.start();
  await pipeline.warmUp(KEY, await store.lastCandles(KEY, 60));
  const alerts: Box['alerts'] = [];
  const errors: object[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object) => errors.push(fields),
  };
  const deciding = new DecidingModel(classifier);
  const lifecycle = new ModelLifecycle({
    config,
    clock,
    log: log as never,
    alerts: {
      raise: async (code, figures) => {
        alerts.push({ code, figures });
      },
    },
    store,
    pipeline,
    streams: [{ key: KEY, calendar: '24x7' }],
    deciding,
    modelDir,
    requestHalt: () => undefined,
    retrainer: pathToFileURL(compiled.file('src/trader/retrainer.ts')),
  });
  await lifecycle.start();
  let next = HISTORY;
  const bar = async () => {
    const candle = candles[next++]!;
    clock.setWallMs(candle.openMs + HOUR_MS + 250);
    const outcome = await pipeline.onCandle(KEY, candle);
    lifecycle.onBar(outcome);
    if (outcome.kind !== 'decided') throw new Error(`the bar was ${outcome.kind}`);
    return outcome.record.prediction!.modelHash;
  };
  const state = async () => {
    const { body } = await lifecycle.routes['GET /model']!(undefined);
    return (body as { retraining: RetrainingState }).retraining;
  };
  const made: Box = {
    dir,
    lifecycle,
    deciding,
    pipeline,
    store,
    alerts,
    errors,
    bar,
    async retrain() {
      await lifecycle.routes['POST /model/retrain']!(undefined);
      while ((await state()).running !== null) {
        if (next < candles.length - 20) await bar();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return state();
    },
    async close() {
      await lifecycle.stop();
      await store.close();
      await deciding.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return made;
}

const events = async (store: DuckStore) =>
  (await store.models()).map(({ event, modelHash }) => `${event} ${modelHash.slice(0, 8)}`);

describe('a challenger trained beside the bars', () => {
  it('decides from the next bar on where the law has changed, and a person can go back', async () => {
    const it = await box(true);
    const first = await it.bar();
    const { last } = await it.retrain();
    expect(last).toMatchObject({ kind: 'promoted' });
    if (last?.kind !== 'promoted') return;
    expect(last.challenge.challengerAuc!).toBeGreaterThan(last.challenge.championAuc! + 0.1);
    const second = await it.bar();
    expect(second).not.toBe(first);
    expect(second).toBe(it.deciding.manifest.sha256);
    // Written down: a restart decides by it too, and its manifest tells what it was held against.
    const root = path.join(it.dir, 'models');
    expect(JSON.parse(readFileSync(path.join(root, 'promoted.json'), 'utf8')).current).toBe(last.model);
    const kept = JSON.parse(readFileSync(path.join(root, last.model, 'manifest.json'), 'utf8'));
    expect(kept.challenge).toMatchObject({ promoted: true, championSha256: first });
    expect(await events(it.store)).toEqual([
      `loaded ${first.slice(0, 8)}`,
      `trained ${second.slice(0, 8)}`,
      `retired ${first.slice(0, 8)}`,
      `loaded ${second.slice(0, 8)}`,
    ]);
    expect(it.alerts.map(({ code }) => code)).toEqual(['MODEL_PROMOTED']);
    expect(it.errors).toEqual([]);

    await it.lifecycle.routes['POST /model/rollback']!(undefined);
    expect(await it.bar()).toBe(first);
    await it.lifecycle.routes['POST /model/promote']!({ name: last.model });
    expect(await it.bar()).toBe(second);
    await expect(
      Promise.resolve().then(() => it.lifecycle.routes['POST /model/promote']!({ name: '../x' })),
    ).rejects.toThrow();
    expect(await it.bar()).toBe(second);

    // One that was trained elsewhere says so as it takes over
    const elsewhere = path.join(root, 'elsewhere');
    cpSync(path.join(root, last.model), elsewhere, { recursive: true });
    const origin = { ...kept.training, symbol: 'ETH/USDT' };
    writeFileSync(path.join(elsewhere, 'manifest.json'), JSON.stringify({ ...kept, training: origin }));
    expect(it.lifecycle.market()).toBeNull();
    await it.lifecycle.routes['POST /model/promote']!({ name: 'elsewhere' });
    expect(it.alerts.at(-1)).toEqual({
      code: 'MODEL_OFF_MARKET',
      figures: {
        model: second.slice(0, 8),
        trainedOn: 'ETH/USDT (1h) at binance',
        usedOn: 'BTC/USDT (1h) at binance',
      },
    });
    expect(it.lifecycle.market()).toContain(
      'was trained on ETH/USDT (1h) at binance and decides on BTC/USDT (1h)',
    );
    await it.close();
  }, 120_000);

  it('is refused and kept with its figures where nothing has changed', async () => {
    const it = await box(false);
    const first = await it.bar();
    const { last } = await it.retrain();
    expect(last).toMatchObject({ kind: 'refused' });
    if (last?.kind !== 'refused') return;
    expect(['not_better', 'not_significant']).toContain(last.challenge.reason);
    expect(await it.bar()).toBe(first);
    const root = path.join(it.dir, 'models');
    expect(readdirSync(root)).toEqual([last.model]);
    const kept = JSON.parse(readFileSync(path.join(root, last.model, 'manifest.json'), 'utf8'));
    expect(kept.challenge.folds.length).toBe(5);
    expect(it.alerts).toMatchObject([{ code: 'MODEL_REFUSED', figures: { model: last.model } }]);
    await it.close();
  }, 120_000);

  it('waits for a person where promotion is by hand', async () => {
    const it = await box(true, { promote: 'by-hand' });
    const first = await it.bar();
    const { last } = await it.retrain();
    expect(last).toMatchObject({ kind: 'won' });
    expect(await it.bar()).toBe(first);
    expect(it.alerts.map(({ code }) => code)).toEqual(['MODEL_RETRAINED']);
    await it.close();
  }, 120_000);

  it('is ended when it takes more memory than it may, and the trader continues', async () => {
    const it = await box(true, { memoryMbMax: 100, trees: 3000, trainRowsMax: 3000 });
    // A Node process with ONNX Runtime alone is above 60 MB; 3000 trees bring it over 100.
    const { last } = await it.retrain();
    expect(last).toMatchObject({ kind: 'failed' });
    if (last?.kind === 'failed') expect(last.detail).toMatch(/more than 100 MB/);
    expect(it.alerts.map(({ code }) => code)).toEqual(['RETRAIN_FAILED']);
    expect(await it.bar()).toBe(it.deciding.manifest.sha256);
    expect((await events(it.store)).at(-1)).toMatch(/^kept/);
    await it.close();
  }, 120_000);

  it('is not begun where retraining is off, nor without bars that the model has not seen', async () => {
    const off = await box(false, { mode: 'off' });
    await expect(
      Promise.resolve().then(() => off.lifecycle.routes['POST /model/retrain']!(undefined)),
    ).rejects.toMatchObject({ code: 'E_RETRAIN_OFF' });
    await off.close();
    const few = await box(false, { testRowsMin: 3000 });
    expect((await few.retrain()).last).toMatchObject({ kind: 'kept' });
    await few.close();
  }, 60_000);
});
