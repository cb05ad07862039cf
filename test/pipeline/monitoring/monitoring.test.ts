import { describe, expect, it } from 'vitest';
import type { Candle } from '../../../src/core/candle.js';
import { FEATURE_COLUMNS } from '../../../src/core/feature-set.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { rollingAuc } from '../../../src/pipeline/monitoring/auc.js';
import { healthOf } from '../../../src/pipeline/monitoring/health.js';
import { createMonitor } from '../../../src/pipeline/monitoring/index.js';
import { binOf, psi } from '../../../src/pipeline/monitoring/psi.js';
import { articleJson } from '../../support/article-vectors.js';
import { CONFIG } from '../../support/tiny-stream.js';

interface AucCase {
  readonly case: string | number;
  readonly auc_window: number;
  readonly auc_degradation_threshold: number;
  readonly probs: readonly number[];
  readonly actuals: readonly number[];
  readonly rolling_auc_after_each: readonly (number | null)[];
  readonly health: {
    readonly rolling_auc: number | null;
    readonly needs_retrain: boolean;
    readonly status: string;
  };
}

const candle = (openMs: number, close: number): Candle => ({
  openMs,
  open: close,
  high: close,
  low: close,
  close,
  volume: 1,
});

describe('rolling AUC and health against the article', () => {
  const cases = articleJson<AucCase[]>('rolling_auc.json');

  it('equals scikit-learn after every prediction', () => {
    let compared = 0;
    for (const each of cases) {
      each.rolling_auc_after_each.forEach((expected, i) => {
        const mine = rollingAuc(each.probs.slice(0, i + 1), each.actuals.slice(0, i + 1), each.auc_window);
        if (expected === null) expect(mine, `${each.case} at ${i}`).toBeNull();
        else expect(Math.abs((mine ?? Number.NaN) - expected), `${each.case} at ${i}`).toBeLessThan(1e-12);
        compared++;
      });
    }
    expect(compared).toBeGreaterThan(5000);
  });

  it('gives the article’s status, but UNKNOWN where there is no AUC', () => {
    for (const each of cases) {
      const threshold = each.auc_degradation_threshold;
      const mine = healthOf(
        rollingAuc(each.probs, each.actuals, each.auc_window),
        each.probs.length,
        {},
        { ...CONFIG.monitoring, aucCritical: threshold, aucWarning: threshold + 0.03 },
      );
      // Departure: the article calls a model of which nothing is known healthy.
      expect(mine.status, `${each.case}`).toBe(
        each.health.rolling_auc === null ? 'UNKNOWN' : each.health.status,
      );
      expect(mine.needsRetrain, `${each.case}`).toBe(each.health.needs_retrain);
    }
  });
});

describe('PSI', () => {
  const reference = { column: 'rsi', edges: [0, 1, 2, 3], counts: [10, 20, 10], min: 0, max: 3 } as const;

  it('is 0 for the training distribution and the textbook sum for another', () => {
    expect(psi(reference, [0.5, 1.5, 1.5, 2.5])).toBe(0);
    // Shares 0.5, 0.25, 0.25 against 0.25, 0.5, 0.25: 0.25·ln 2 + 0.25·ln 2
    expect(psi(reference, [0.5, 0.5, 1.5, 2.5])).toBeCloseTo(0.5 * Math.LN2, 12);
  });

  it('counts what lies outside in the outer bins, and NaN nowhere', () => {
    expect([-5, 0, 0.99, 1, 2.99, 3, 99].map((value) => binOf(reference.edges, value))).toEqual([
      0, 0, 0, 1, 2, 2, 2,
    ]);
    expect(psi(reference, [Number.NaN])).toBeNull();
    expect(psi(reference, [-5, 1, 1, 99])).toBe(0);
  });

  it('warns above 0.10 and asks for retraining above 0.25', () => {
    const config = CONFIG.monitoring;
    expect(healthOf(0.6, 30, { rsi: 0.1 }, config)).toMatchObject({ status: 'HEALTHY', needsRetrain: false });
    expect(healthOf(0.6, 30, { rsi: 0.2 }, config)).toMatchObject({ status: 'WARNING', needsRetrain: false });
    expect(healthOf(0.6, 30, { rsi: 0.3, lag_1: 0.2 }, config)).toMatchObject({
      status: 'WARNING',
      needsRetrain: true,
      alerts: ['PSI of rsi is 0.3000, above 0.25', 'PSI of lag_1 is 0.2000, above 0.1'],
    });
    expect(healthOf(0.4, 30, { rsi: 0.3 }, config).status).toBe('CRITICAL');
  });
});

describe('outcomes', () => {
  const config = { ...CONFIG.monitoring, aucWindow: 2, psiWindowRows: 10 };

  it('resolves a prediction when its horizon’s bar closes', () => {
    const monitor = createMonitor(config, { horizonBars: 2, reference: [] });
    monitor.onCandle(candle(0, 100));
    monitor.onPrediction(0, 0.7, null);
    expect(monitor.onCandle(candle(1, 90))).toEqual([]);
    monitor.onPrediction(1, 0.2, null);
    expect(monitor.onCandle(candle(2, 101))).toEqual([{ openMs: 0, probabilityUp: 0.7, up: true }]);
    expect(monitor.onCandle(candle(3, 90))).toEqual([{ openMs: 1, probabilityUp: 0.2, up: false }]);
    expect(monitor.health()).toMatchObject({ rollingAuc: 1, resolvedPredictions: 2 });
  });

  it('resolves one made before a restart, from the warm-up candles', () => {
    const monitor = createMonitor(config, { horizonBars: 1, reference: [] });
    monitor.restore([
      { stream: 's', openMs: -5, probabilityUp: 0.9, up: null },
      { stream: 's', openMs: 0, probabilityUp: 0.4, up: false },
      { stream: 's', openMs: 1, probabilityUp: 0.7, up: null },
    ]);
    expect(monitor.onCandle(candle(0, 100))).toEqual([]);
    expect(monitor.onCandle(candle(1, 90))).toEqual([]);
    expect(monitor.onCandle(candle(2, 95))).toEqual([{ openMs: 1, probabilityUp: 0.7, up: true }]);
    expect(monitor.onCandle(candle(3, 95))).toEqual([]);
    expect(monitor.health()).toMatchObject({ rollingAuc: 1, resolvedPredictions: 2 });
  });

  it('measures drift once its window is full', () => {
    const reference = [{ column: 'rsi', edges: [0, 50, 100], counts: [5, 5], min: 0, max: 100 }] as const;
    const monitor = createMonitor(config, { horizonBars: 1, reference });
    for (let i = 0; i < 10; i++) {
      expect(monitor.health().psi).toEqual({});
      monitor.onCandle(candle(i, 100));
      const row = new Float64Array(10);
      row[1] = 90;
      monitor.onPrediction(i, 0.5, row);
    }
    expect(monitor.health().psi.rsi).toBeGreaterThan(0.25);
    expect(monitor.health().needsRetrain).toBe(true);
  });
});

describe('the significant rule', () => {
  const strict = { ...CONFIG.monitoring, rule: 'significant' } as const;
  const figures = (high: number) => ({
    aucInterval: { low: 0, high, standardError: 0.1 },
    brier: null,
    hitRate: null,
  });

  it('is quiet while the interval reaches above the limits, and speaks below them', () => {
    expect(healthOf(0.45, 30, {}, strict, figures(0.65))).toMatchObject({
      status: 'HEALTHY',
      needsRetrain: false,
    });
    expect(healthOf(0.45, 30, {}, strict, figures(0.52))).toMatchObject({
      status: 'WARNING',
      needsRetrain: false,
    });
    expect(healthOf(0.4, 30, {}, strict, figures(0.49))).toMatchObject({
      status: 'CRITICAL',
      needsRetrain: true,
    });
    expect(healthOf(0.4, 30, {}, strict)).toMatchObject({ status: 'HEALTHY' });
    expect(healthOf(null, 3, {}, strict)).toMatchObject({ status: 'UNKNOWN' });
    expect(healthOf(0.45, 30, {}, CONFIG.monitoring, figures(0.65))).toMatchObject({ status: 'CRITICAL' });
  });

  it('counts another model’s predictions from its own first one on, and still tells of the old ones', () => {
    const model = { horizonBars: 1, reference: [] };
    const monitor = createMonitor({ ...CONFIG.monitoring, aucWindow: 4 }, model);
    let at = 0;
    const live = (p: number, close: number) => {
      const resolved = monitor.onCandle(candle(at, close));
      monitor.onPrediction(at++, p, null);
      return resolved.length;
    };
    [1, 2, 1, 2, 1, 2].forEach((close, i) => {
      live(i % 2 === 0 ? 0.1 : 0.9, close);
    });
    expect(monitor.health()).toMatchObject({ rollingAuc: 0, brier: expect.any(Number), hitRate: 0 });
    monitor.useModel(model);
    expect(monitor.health()).toMatchObject({ rollingAuc: null, resolvedPredictions: 0, hitRate: null });
    expect(live(0.9, 1)).toBe(1);
    expect(monitor.health().resolvedPredictions).toBe(0);
    [2, 1, 2, 1].forEach((close, i) => {
      live(i % 2 === 0 ? 0.1 : 0.9, close);
    });
    expect(monitor.health()).toMatchObject({ rollingAuc: 1, hitRate: 1, resolvedPredictions: 4 });
  });
});

describe('the limits of the PSI', () => {
  it('are passed by chance in small windows of the very same market, and not from 1,000 rows on', () => {
    // Bootstrap: windows drawn from the training distribution itself, ten bins of equal share.
    const rng = seededRng(17);
    const reference = {
      column: 'rsi',
      counts: new Array<number>(10).fill(500),
      edges: Array.from({ length: 11 }, (_, k) => k / 10),
      min: 0,
      max: 1,
    } as const;
    const shareAbove = (rows: number, limit: number) => {
      let above = 0;
      for (let draw = 0; draw < 1000; draw++) {
        const window = Float64Array.from({ length: rows }, () => rng.next());
        if (psi(reference, window)! > limit) above++;
      }
      return above / 1000;
    };
    const chance = [30, 100, 300, 1000].map(
      (rows) => [rows, shareAbove(rows, 0.1), shareAbove(rows, 0.25)] as const,
    );
    console.log(
      chance
        .map(
          ([n, warn, retrain]) =>
            `${n} rows: PSI > 0.10 in ${(warn * 100).toFixed(1)} %, > 0.25 in ${(retrain * 100).toFixed(1)} %`,
        )
        .join('; '),
    );
    expect(chance[0]![2]).toBeGreaterThan(0.2);
    expect(chance[3]![1]).toBe(0);
    expect(chance[3]![2]).toBe(0);
  });
});

describe('a row unlike those of the training', () => {
  const histogram = (column: 'rsi' | 'volatility' | 'lag_1', min: number, max: number) => ({
    column,
    edges: [min, max],
    counts: [1],
    min,
    max,
  });
  const reference = [
    histogram('rsi', 0, 100),
    histogram('volatility', 0.1, 0.9),
    histogram('lag_1', -0.05, 0.05),
  ];
  const row = (rsi: number, volatility: number, lag: number) => {
    const values = new Float64Array(FEATURE_COLUMNS.length);
    values[FEATURE_COLUMNS.indexOf('rsi')] = rsi;
    values[FEATURE_COLUMNS.indexOf('volatility')] = volatility;
    values[FEATURE_COLUMNS.indexOf('lag_1')] = lag;
    return values;
  };
  const monitor = createMonitor(CONFIG.monitoring, { horizonBars: 1, reference });

  it('is measured by the share of its features outside their range, the ends of it inside', () => {
    expect(monitor.outsideTraining(row(100, 0.1, -0.05))).toBe(0);
    expect(monitor.outsideTraining(row(50, 0.95, 0))).toBe(1 / 3);
    expect(monitor.outsideTraining(row(-1, Number.NaN, 0.06))).toBe(1);
  });

  it('is unknown without a row or a reference, and goes by the model that decides', () => {
    expect(monitor.outsideTraining(null)).toBeNull();
    monitor.useModel({ horizonBars: 1, reference: [histogram('rsi', 0, 10)] });
    expect(monitor.outsideTraining(row(11, 0.5, 0))).toBe(1);
    monitor.useModel({ horizonBars: 1, reference: [] });
    expect(monitor.outsideTraining(row(11, 0.5, 0))).toBeNull();
  });
});
