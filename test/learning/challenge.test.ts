import { describe, expect, it } from 'vitest';
import { createForestTrainer } from '../../src/adapters/native/forest.js';
import { CHALLENGE_DEFAULTS, challenge } from '../../src/learning/challenge.js';
import { createForestClassifier } from '../../src/learning/forest-classifier.js';
import { describeForest } from '../../src/learning/train.js';
import { sliceTable, type TrainingTable } from '../../src/learning/training-table.js';
import { forestOptions, labelledRows } from '../support/labelled-rows.js';

const HOUR = 3_600_000;
const trainer = createForestTrainer();
const FOREST = forestOptions({ trees: 60 });
const RULES = { ...CHALLENGE_DEFAULTS, timeframeMs: HOUR };

/** Rows whose law turns round after `turnAt`. */
function table(count: number, seed: number, turnAt = count): TrainingTable {
  const { rows, labels } = labelledRows(count, seed, 0.6);
  for (let i = turnAt; i < count; i++) labels[i] = labels[i] === 1 ? 0 : 1;
  return {
    length: count,
    rows,
    labels,
    openMs: Float64Array.from({ length: count }, (_, i) => i * HOUR),
    horizonBars: 1,
  };
}

async function champion(of: TrainingTable, rows: number) {
  const part = sliceTable(of, 0, rows);
  const grown = await trainer.train(part.rows, part.labels, 9, FOREST);
  const origin = { exchange: null, symbol: null, timeframe: null };
  return createForestClassifier(
    trainer,
    grown.forest,
    describeForest(grown, part, FOREST, origin, 0).manifest,
  );
}

describe('a challenge', () => {
  it('is lost where nothing has changed', async () => {
    const all = table(4000, 3);
    const result = await challenge(trainer, await champion(all, 2000), all, FOREST, RULES);
    expect(result).toMatchObject({ promoted: false });
    expect(['not_better', 'not_significant']).toContain(result.reason);
    expect(result.folds.length).toBe(5);
    expect(result.folds.reduce((sum, fold) => sum + fold.rows, 0)).toBe(result.rows);
  });

  it('is won where the law has turned round, and says by how much', async () => {
    const all = table(6000, 3, 2000);
    const rules = { ...RULES, trainRowsMax: 1500 };
    const result = await challenge(trainer, await champion(all, 2000), all, FOREST, rules);
    expect(result).toMatchObject({ promoted: true, reason: 'better' });
    expect(result.challengerAuc!).toBeGreaterThan(result.championAuc! + 0.1);
    expect(result.difference!.pGreater).toBeLessThan(0.001);
  });

  it('counts no row that the champion was trained on', async () => {
    const all = table(4000, 3);
    const late = await challenge(trainer, await champion(all, 3900), all, FOREST, RULES);
    expect(late).toMatchObject({ promoted: false, reason: 'too_few_rows', folds: [] });
    const early = await challenge(trainer, await champion(all, 2000), all, FOREST, RULES);
    expect(early.folds[0]!.fromMs).toBeGreaterThan(all.openMs[1999]!);
  });
});
