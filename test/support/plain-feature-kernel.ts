import { type Candle, type CandleColumns, candleAt } from '../../src/core/candle.js';
import { FEATURE_COLUMNS, FEATURE_WINDOW } from '../../src/core/feature-set.js';
import type { FeatureKernel, FeatureStreamPort } from '../../src/ports/model.js';

/** Feature set v1 in plain TypeScript, each window summed afresh: what the native kernel is held against. */
export function createPlainFeatureKernel(): FeatureKernel {
  return {
    batch(candles) {
      const n = candles.length;
      const values = new Float64Array(n * FEATURE_COLUMNS.length);
      const valid = new Uint8Array(n);
      const row = new Float64Array(FEATURE_COLUMNS.length);
      for (let i = 0; i < n; i++) {
        const window = lastCandles(candles, i);
        valid[i] = computeRow(window, row) ? 1 : 0;
        row.forEach((value, c) => {
          values[c * n + i] = value;
        });
      }
      return { length: n, values, valid };
    },
    stream: createStream,
  };
}

function createStream(): FeatureStreamPort {
  let window: Candle[] = [];
  const push = (candle: Candle, out: Float64Array): boolean => {
    window = [...window, candle].slice(-FEATURE_WINDOW);
    return computeRow(window, out);
  };
  return {
    push,
    pushChunk(candles) {
      const n = candles.length;
      const values = new Float64Array(n * FEATURE_COLUMNS.length);
      const row = new Float64Array(FEATURE_COLUMNS.length);
      const valid = Uint8Array.from({ length: n }, (_, i) => {
        const complete = push(candleAt(candles, i), row);
        row.forEach((value, c) => {
          values[c * n + i] = value;
        });
        return complete ? 1 : 0;
      });
      return { length: n, values, valid };
    },
    reset() {
      window = [];
    },
  };
}

function lastCandles(candles: CandleColumns, i: number): Candle[] {
  const from = Math.max(0, i - FEATURE_WINDOW + 1);
  return Array.from({ length: i - from + 1 }, (_, k) => candleAt(candles, from + k));
}

function computeRow(window: readonly Candle[], out: Float64Array): boolean {
  out.fill(Number.NaN);
  const close = window.map((candle) => candle.close);
  const volume = window.map((candle) => candle.volume);
  const back = (k: number) => close.at(-1 - k) ?? Number.NaN;
  const logReturn = (k: number) => Math.log(back(k) / back(k + 1));
  out[0] = logReturn(0);
  [1, 2, 3, 5, 10].forEach((k, c) => {
    out[5 + c] = logReturn(k);
  });
  const steps = Array.from({ length: 14 }, (_, k) => back(k) - back(k + 1));
  const gain = mean(steps.map((step) => Math.max(step, 0)));
  const loss = mean(steps.map((step) => Math.max(-step, 0)));
  if (Number.isFinite(gain) && gain + loss > 0) out[1] = loss === 0 ? 100 : 100 - 100 / (1 + gain / loss);
  out[3] = std(Array.from({ length: 10 }, (_, k) => logReturn(k))) * Math.sqrt(252);
  if (window.length >= FEATURE_WINDOW) {
    out[2] = (2 * std(close)) / mean(close);
    out[4] = (volume.at(-1)! - mean(volume)) / std(volume);
  }
  return out.every(Number.isFinite);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** ddof = 1; exactly 0 where all values are equal, which a mean rounded off might miss. */
function std(values: readonly number[]): number {
  if (values.every((value) => value === values[0])) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
