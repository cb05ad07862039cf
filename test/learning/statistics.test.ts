import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { areaUnderCurve } from '../../src/core/auc.js';
import { applyCalibration } from '../../src/core/calibration.js';
import { normalCdf, normalQuantile } from '../../src/core/normal.js';
import { aucDifference, estimateAuc } from '../../src/learning/delong.js';
import { brierScore } from '../../src/learning/evaluate.js';
import { fitIsotonic } from '../../src/learning/isotonic.js';
import { reliabilityTable } from '../../src/learning/reliability.js';
import { psi } from '../../src/pipeline/monitoring/psi.js';
import {
  deflatedSharpe,
  expectedMaximumSharpe,
  returnMoments,
} from '../../src/research/report/deflated-sharpe.js';

interface Vectors {
  readonly cases: readonly {
    readonly labels: number[];
    readonly scores: number[];
    readonly other: number[];
    readonly auc: number;
    readonly standardError: number;
    readonly low: number;
    readonly high: number;
    readonly paired: {
      readonly difference: number;
      readonly standardError: number;
      readonly pGreater: number;
    };
    readonly brier: number;
    readonly reliability: readonly { readonly meanProbability: number; readonly shareUp: number }[];
    readonly isotonicAt: number[];
    readonly isotonic: number[];
  }[];
  readonly psi: readonly { readonly counts: number[]; readonly window: number[]; readonly psi: number }[];
  readonly normalQuantile: readonly { readonly p: number; readonly z: number }[];
  readonly normalCdf: readonly { readonly p: number; readonly z: number }[];
  readonly deflatedSharpe: Readonly<Record<string, number>>;
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/statistics/statistics.json', import.meta.url), 'utf8'),
) as Vectors;

/** The promise: equal to the reference to 1e-9. */
const close = (mine: number | null | undefined, reference: number, what: string) =>
  expect(Math.abs((mine ?? Number.NaN) - reference), `${what}: ${mine} against ${reference}`).toBeLessThan(
    1e-9,
  );

describe('statistics against scikit-learn and scipy', () => {
  it('AUC, DeLong interval and the paired comparison', () => {
    for (const [i, each] of vectors.cases.entries()) {
      const mine = estimateAuc(each.scores, each.labels);
      close(areaUnderCurve(each.scores, each.labels), each.auc, `auc ${i}`);
      close(mine?.auc, each.auc, `auc ${i}`);
      close(mine?.interval?.standardError, each.standardError, `standard error ${i}`);
      close(mine?.interval?.low, each.low, `low ${i}`);
      close(mine?.interval?.high, each.high, `high ${i}`);
      const pair = aucDifference(each.scores, each.other, each.labels);
      close(pair?.difference, each.paired.difference, `difference ${i}`);
      close(pair?.standardError, each.paired.standardError, `paired standard error ${i}`);
      close(pair?.pGreater, each.paired.pGreater, `p ${i}`);
    }
  });

  it('Brier score and reliability table', () => {
    for (const [i, each] of vectors.cases.entries()) {
      close(brierScore(each.scores, each.labels), each.brier, `Brier ${i}`);
      const table = reliabilityTable(each.scores, each.labels);
      expect(table.length, `bins ${i}`).toBe(each.reliability.length);
      table.forEach((row, k) => {
        close(row.meanProbability, each.reliability[k]!.meanProbability, `mean of bin ${k} of ${i}`);
        close(row.shareUp, each.reliability[k]!.shareUp, `share of bin ${k} of ${i}`);
      });
      expect(table.reduce((sum, row) => sum + row.rows, 0)).toBe(each.scores.length);
    }
  });

  it('isotonic regression', () => {
    for (const [i, each] of vectors.cases.entries()) {
      const curve = fitIsotonic(Float64Array.from(each.scores), each.labels)!;
      each.isotonicAt.forEach((at, k) => {
        close(applyCalibration({ kind: 'isotonic', ...curve }, at), each.isotonic[k]!, `at ${at} of ${i}`);
      });
    }
  });

  it('population stability index', () => {
    for (const { counts, window, psi: expected } of vectors.psi) {
      const reference = {
        column: 'rsi',
        counts,
        edges: Array.from({ length: counts.length + 1 }, (_, k) => k),
        min: 0,
        max: counts.length,
      } as const;
      close(
        psi(
          reference,
          window.flatMap((n, bin) => new Array<number>(n).fill(bin + 0.5)),
        ),
        expected,
        'PSI',
      );
    }
  });

  it('normal distribution', () => {
    for (const { p, z } of vectors.normalQuantile) close(normalQuantile(p), z, `quantile of ${p}`);
    for (const { p, z } of vectors.normalCdf) {
      close(normalCdf(z), p, `cdf of ${z}`);
      expect(Math.abs(normalCdf(z) / p - 1), `cdf of ${z}, relatively`).toBeLessThan(1e-13);
    }
  });

  it('deflated Sharpe ratio of the example in its paper: SR0 0.1132, DSR 0.9004', () => {
    const { trials, variance, bars, sharpe, skewness, kurtosis, expectedMaximum, probability } =
      vectors.deflatedSharpe as Required<Vectors['deflatedSharpe']>;
    close(expectedMaximumSharpe(trials!, variance!), expectedMaximum!, 'SR0');
    const moments = { bars: bars!, sharpe: sharpe!, skewness: skewness!, kurtosis: kurtosis! };
    close(deflatedSharpe(moments, trials!, variance!), probability!, 'DSR');
    expect(expectedMaximumSharpe(trials!, variance!).toFixed(4)).toBe('0.1132');
    expect(deflatedSharpe(moments, trials!, variance!)!.toFixed(4)).toBe('0.9004');
  });
});

describe('statistics at their edges', () => {
  it('say nothing where nothing can be said', () => {
    expect(estimateAuc([0.2, 0.8, 0.5], [1, 1, 1])).toBeNull();
    expect(aucDifference([0.2], [0.3], [1])).toBeNull();
    expect(aucDifference([0.2, 0.4, 0.6], [0.3, 0.1, 0.2], [0, 0, 1])).toBeNull();
    expect(fitIsotonic(new Float64Array([Number.NaN]), [1])).toBeNull();
    expect(reliabilityTable([Number.NaN], [1])).toEqual([]);
    expect(deflatedSharpe(returnMoments([0, 0, 0, 0]), 1)).toBeNull();
  });

  it('give an AUC without an interval where a class has one row, on whichever side', () => {
    expect(estimateAuc([0.2, 0.8], [0, 1])).toEqual({ auc: 1, rows: 2, interval: null });
    expect(estimateAuc([0.2, 0.8, 0.5], [0, 0, 1])).toEqual({ auc: 0.5, rows: 3, interval: null });
    expect(estimateAuc([0.2, 0.8, 0.5], [1, 1, 0])).toEqual({ auc: 0.5, rows: 3, interval: null });
  });

  it('find no difference between a model and itself', () => {
    const scores = [0.1, 0.4, 0.35, 0.8, 0.7];
    expect(aucDifference(scores, scores, [0, 0, 1, 1, 0])).toEqual({
      difference: 0,
      standardError: 0,
      pGreater: 1,
    });
  });
});
