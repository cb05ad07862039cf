import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { createForestTrainer } from '../../src/adapters/native/forest.js';
import { trainingTable } from '../../src/cli/training-input.js';
import { areaUnderCurve } from '../../src/core/auc.js';
import { toColumns } from '../../src/core/candle.js';
import { CHALLENGE_DEFAULTS, challenge } from '../../src/learning/challenge.js';
import { createForestClassifier } from '../../src/learning/forest-classifier.js';
import { describeForest } from '../../src/learning/train.js';
import { sliceTable, type TrainingTable } from '../../src/learning/training-table.js';
import { createFeatureLayer } from '../../src/pipeline/features/index.js';
import { createInferenceLayer } from '../../src/pipeline/inference/index.js';
import { createMonitor } from '../../src/pipeline/monitoring/index.js';
import type { Classifier } from '../../src/ports.js';
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
const RULES = { ...CHALLENGE_DEFAULTS, trainRowsMax: 2000, timeframeMs: HOUR_MS };

const trainer = createForestTrainer();

async function grow(table: TrainingTable, from: number, to: number): Promise<Classifier> {
  const part = sliceTable(table, Math.max(0, from), to);
  const grown = await trainer.train(part.rows, part.labels, 9, FOREST);
  const origin = { exchange: KEY.exchange, symbol: KEY.symbol, timeframe: KEY.timeframe };
  return createForestClassifier(
    trainer,
    grown.forest,
    describeForest(grown, part, FOREST, origin, part.openMs.at(-1)!).manifest,
  );
}

interface Promotion {
  readonly bar: number;
  readonly challengerAuc: number;
  readonly championAuc: number;
}

/** Lives the year bar by bar through features, inference and monitoring; a significant fall calls a challenger. */
async function live(seed: number, pullAfter: number) {
  const candles = pulledWalk(LEARNED + YEAR, seed, (i) => (i < CHANGE ? -0.4 : pullAfter));
  const columns = toColumns(candles);
  const table = trainingTable(columns, 1, { timeframeMs: HOUR_MS, calendar: '24x7', maxGapBars: 3 });
  const rowBefore = (openMs: number) => table.openMs.findIndex((at) => at >= openMs);
  let champion = await grow(table, 0, rowBefore(candles[LEARNED]!.openMs) - 1);
  let inference = createInferenceLayer({ classifier: champion });
  const features = createFeatureLayer({
    kernel: createFeatureKernel(),
    stream: KEY,
    calendar: '24x7',
    maxGapBars: 3,
  });
  const watch = { ...CONFIG.monitoring, rule: 'significant', aucWindow: 750 } as const;
  const monitor = createMonitor(watch, champion.manifest);
  const point = createMonitor({ ...CONFIG.monitoring }, champion.manifest);
  const scores: number[] = [];
  const ups: boolean[] = [];
  const at: number[] = [];
  const promotions: Promotion[] = [];
  let refused = 0;
  let alarm: number | null = null;
  let lastAttempt = LEARNED;
  const falseAlarms = { point: 0, significant: 0 };
  let pointTold = false;
  let significantTold = false;

  for (let i = 0; i < candles.length; i++) {
    const candle = candles[i]!;
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
    // An alarm is counted when it begins, as the phone would hear it.
    const { status } = monitor.health();
    const critical = status === 'CRITICAL';
    const pointCritical = point.health().rollingAuc !== null && point.health().rollingAuc! < 0.5;
    if (i < CHANGE || pullAfter === -0.4) {
      if (critical && !significantTold) falseAlarms.significant++;
      if (pointCritical && !pointTold) falseAlarms.point++;
    }
    significantTold = critical;
    pointTold = pointCritical;
    if (critical && alarm === null && i >= CHANGE) alarm = i - CHANGE;
    if (i - lastAttempt < (critical ? ATTEMPT_BARS : SCHEDULE_BARS)) continue;
    lastAttempt = i;
    // What is known now: rows whose label has closed.
    const known = sliceTable(table, 0, Math.max(0, rowBefore(candle.openMs) - 1));
    const result = await challenge(trainer, champion, known, FOREST, RULES);
    if (!result.promoted) {
      refused++;
      continue;
    }
    champion = await grow(known, known.length - RULES.trainRowsMax, known.length);
    const next = champion;
    inference = createInferenceLayer({ classifier: next });
    monitor.useModel(next.manifest);
    point.useModel(next.manifest);
    promotions.push({
      bar: i - CHANGE,
      challengerAuc: result.challengerAuc!,
      championAuc: result.championAuc!,
    });
  }
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
    expect(refused).toBeGreaterThan(0);
    expect(falseAlarms.significant).toBe(0);
    expect(falseAlarms.point).toBeGreaterThan(0);
  }, 300_000);
});
