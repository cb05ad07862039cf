// @module-tag long

import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { createForestTrainer } from '../../src/adapters/native/forest.js';
import { createClassifier } from '../../src/adapters/onnx/classifier.js';
import { openSession } from '../../src/adapters/onnx/session.js';
import { areaUnderCurve } from '../../src/core/auc.js';
import { toColumns } from '../../src/core/candle.js';
import { CHALLENGE_DEFAULTS } from '../../src/learning/challenge.js';
import { createForestClassifier } from '../../src/learning/forest-classifier.js';
import { describeForest } from '../../src/learning/train.js';
import { sliceTable, type TrainingTable } from '../../src/learning/training-table.js';
import { createFeatureLayer } from '../../src/pipeline/features/index.js';
import { createInferenceLayer } from '../../src/pipeline/inference/index.js';
import { createMonitor } from '../../src/pipeline/monitoring/index.js';
import type { Classifier } from '../../src/ports/model.js';
import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { trainingTable } from '../../src/research/studies/training-input.js';
import { createHealthPolicy } from '../../src/trader/health-policy.js';
import { type RetrainAnswer, retrain } from '../../src/trader/retrain-job.js';
import { createRetraining } from '../../src/trader/retraining.js';
import { forestOptions } from '../support/labelled-rows.js';
import { pulledWalk } from '../support/lived-store.js';
import { CONFIG, HOUR_MS, KEY } from '../support/tiny-stream.js';

/** Three months to learn from, then a year of hours; the law changes at the start of its seventh month. */
const LEARNED = 2200;
const YEAR = 8760;
const CHANGE = LEARNED + 4380;
const FOREST = forestOptions({ trees: 100 });
/** Bars between two attempts, and what an attempt may look back on. */
const ATTEMPT_BARS = 500;
/** Bars after which a challenger is called whatever the health says. */
const SCHEDULE_BARS = 1440;
const RULES = { ...CHALLENGE_DEFAULTS, trainRowsMax: 2000, testRowsMax: 1500, significance: 0.01 };
const CANDLES_MAX = RULES.trainRowsMax + RULES.testRowsMax + 100;
const GAPS = { timeframeMs: HOUR_MS, calendar: '24x7', maxGapBars: 3 } as const;
const ORIGIN = { exchange: KEY.exchange, symbol: KEY.symbol, timeframe: KEY.timeframe };
const ACTIONS = {
  unknown: [],
  warning: ['alert'],
  critical: ['alert', 'retrain'],
  drift: ['retrain'],
} as const;

const trainer = createForestTrainer();

async function grow(table: TrainingTable, from: number, to: number): Promise<Classifier> {
  const part = sliceTable(table, Math.max(0, from), to);
  const grown = await trainer.train(part.rows, part.labels, 9, FOREST);
  return createForestClassifier(
    trainer,
    grown.forest,
    describeForest(grown, part, FOREST, ORIGIN, part.openMs.at(-1)!).manifest,
  );
}

interface Promotion {
  readonly bar: number;
  readonly challengerAuc: number;
  readonly championAuc: number;
}

/** A model from the bytes of its file, as a box runs it. */
async function opened({ model, manifest }: NonNullable<RetrainAnswer['trained']>): Promise<Classifier> {
  return createClassifier(await openSession(model, 'a challenger'), manifest);
}

/**
 * Lives the year bar by bar through features, inference, monitoring, the table of what follows, and retraining. Bars wait for a
 * training here, so that a year is the same each time it is lived.
 */
async function live(seed: number, pullAfter: number) {
  const candles = pulledWalk(LEARNED + YEAR, seed, (i) => (i < CHANGE ? -0.4 : pullAfter));
  const table = trainingTable(toColumns(candles.slice(0, LEARNED)), 1, GAPS);
  let champion = await grow(table, 0, table.length);
  let inference = createInferenceLayer({ classifier: champion });
  const kernel = createFeatureKernel();
  const features = createFeatureLayer({ kernel, stream: KEY, calendar: '24x7', maxGapBars: 3 });
  const watch = { ...CONFIG.monitoring, rule: 'significant', aucWindow: 750 } as const;
  const monitor = createMonitor(watch, champion.manifest);
  const point = createMonitor({ ...CONFIG.monitoring }, champion.manifest);
  const policy = createHealthPolicy({ actions: ACTIONS, requestHalt: () => undefined });
  const clock = createSimulatedClock();
  clock.setWallMs(candles[LEARNED]!.openMs);
  const scores: number[] = [];
  const ups: boolean[] = [];
  const at: number[] = [];
  const promotions: Promotion[] = [];
  let now = 0;
  let refused = 0;
  let alarm: number | null = null;
  const falseAlarms = { point: 0, significant: 0 };
  const told = { point: false, significant: false };

  const retraining = createRetraining({
    clock,
    intervalMsMin: ATTEMPT_BARS * HOUR_MS,
    everyMs: SCHEDULE_BARS * HOUR_MS,
    lastAttemptMs: clock.wallMs(),
    async attempt() {
      const known = toColumns(candles.slice(Math.max(0, now + 1 - CANDLES_MAX), now + 1));
      const { challenge, trained } = await retrain(
        {
          streams: [{ candles: known, calendar: '24x7' }],
          timeframe: KEY.timeframe,
          maxGapBars: 3,
          origin: ORIGIN,
          forest: FOREST,
          rules: RULES,
          nowMs: clock.wallMs(),
        },
        { trainer, kernel, champion },
      );
      if (trained === null) return { kind: 'kept', detail: challenge.reason };
      if (!challenge.promoted) return { kind: 'refused', model: 'challenger', challenge };
      await champion.close();
      champion = await opened(trained);
      inference = createInferenceLayer({ classifier: champion });
      monitor.useModel(champion.manifest);
      point.useModel(champion.manifest);
      return { kind: 'promoted', model: 'challenger', challenge };
    },
    async onOutcome(outcome) {
      if (outcome.kind === 'refused') refused++;
      if (outcome.kind === 'failed') throw new Error(outcome.detail);
      if (outcome.kind !== 'promoted') return;
      const { challengerAuc, championAuc } = outcome.challenge;
      promotions.push({ bar: now - CHANGE, challengerAuc: challengerAuc!, championAuc: championAuc! });
    },
  });

  /** An alarm is counted when it begins, as the phone would hear it. */
  function count(rule: 'point' | 'significant', critical: boolean): void {
    const quietTime = now < CHANGE || pullAfter === -0.4;
    if (critical && !told[rule] && quietTime) falseAlarms[rule]++;
    told[rule] = critical;
  }

  for (const [i, candle] of candles.entries()) {
    now = i;
    const row = features.push(candle);
    point.onCandle(candle);
    for (const outcome of monitor.onCandle(candle)) {
      scores.push(outcome.probabilityUp);
      ups.push(outcome.up);
      at.push(i);
    }
    if (i < LEARNED) continue;
    const prediction = await inference.predict(row);
    if (typeof prediction === 'string') continue;
    monitor.onPrediction(candle.openMs, prediction.probabilityUp, row.values);
    point.onPrediction(candle.openMs, prediction.probabilityUp, row.values);
    const health = monitor.health();
    count('significant', health.status === 'CRITICAL');
    count('point', (point.health().rollingAuc ?? 1) < 0.5);
    if (health.status === 'CRITICAL' && alarm === null && i >= CHANGE) alarm = i - CHANGE;
    clock.setWallMs(candle.openMs + HOUR_MS);
    retraining.consider(policy.onHealth(KEY, health).includes('retrain'));
    await retraining.idle();
  }
  await champion.close();
  const aucBetween = (from: number, to: number) => {
    const places = at.map((bar, k) => (bar >= from && bar < to ? k : -1)).filter((k) => k >= 0);
    return areaUnderCurve(
      places.map((k) => scores[k]!),
      places.map((k) => ups[k]!),
    )!;
  };
  return { alarm, promotions, refused, falseAlarms, aucBetween };
}

describe('a year in which the law of the market changes in month 7', () => {
  it('is noticed, answered by a challenger that is promoted, and the model recovers', async () => {
    const { alarm, promotions, refused, falseAlarms, aucBetween } = await live(5, 0.4);
    const end = LEARNED + YEAR;
    const before = aucBetween(LEARNED, CHANGE);
    const blind = aucBetween(CHANGE, CHANGE + (promotions[0]?.bar ?? YEAR));
    const after = aucBetween(end - 1500, end);
    console.log(
      `AUC ${before.toFixed(3)} before, ${blind.toFixed(3)} after the change, ${after.toFixed(3)} in the last 1500 bars; alarm after ${alarm} bars; promoted after ${promotions.map(({ bar }) => bar).join(', ')} bars; ${refused} refused; false alarms before: point ${falseAlarms.point}, significant ${falseAlarms.significant}`,
    );
    expect(alarm).not.toBeNull();
    expect(alarm!).toBeLessThanOrEqual(1500);
    expect(promotions.length).toBeGreaterThan(0);
    expect(promotions[0]!.challengerAuc).toBeGreaterThan(promotions[0]!.championAuc + 0.01);
    expect(blind).toBeLessThan(0.5);
    // Recovered: nine tenths of what the change took.
    expect((after - blind) / (before - blind)).toBeGreaterThan(0.9);
  }, 300_000);

  it('and in a year without a change no promotion loses, and the significant rule is quiet', async () => {
    const { promotions, falseAlarms, aucBetween, refused } = await live(6, -0.4);
    console.log(
      `control: AUC ${aucBetween(LEARNED, LEARNED + YEAR).toFixed(3)}; false alarms: point ${falseAlarms.point}, significant ${falseAlarms.significant}; ${refused} challengers refused, ${promotions.length} promoted`,
    );
    // What was promoted did better than what it replaced, on bars that neither had seen when it was chosen.
    const whole = aucBetween(LEARNED, LEARNED + YEAR);
    for (const { bar } of promotions) {
      expect(aucBetween(CHANGE + bar, LEARNED + YEAR)).toBeGreaterThan(whole - 0.01);
    }
    // Champion and challenger in truth equal: one of a hundred attempts may win by chance.
    expect(promotions.length).toBeLessThanOrEqual(1);
    expect(refused).toBeGreaterThan(0);
    expect(falseAlarms.significant).toBe(0);
    expect(falseAlarms.point).toBeGreaterThan(0);
  }, 300_000);
});
