import { type Candle, candleAt, type StreamKey } from '../../src/core/candle.js';
import type { MarketRules } from '../../src/core/order.js';
import type { Prediction } from '../../src/core/signal.js';
import { timeframeMs } from '../../src/core/timeframe.js';
import type { FeatureRow, StreamSetup } from '../../src/pipeline/layer-ports.js';
import type { PipelineConfig } from '../../src/pipeline/pipeline-api.js';
import type { Clock, Rng } from '../../src/ports/time.js';

export const KEY: StreamKey = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
export const HOUR_MS = timeframeMs('1h');
export const START_MS = Date.UTC(2024, 0, 1);

export const SPOT: MarketRules = {
  symbol: 'BTC/USDT',
  kind: 'spot',
  priceTick: '0.01',
  amountStep: '0.00001',
  amountMin: '0.00001',
  notionalMin: '5',
  takerFeeRate: '0.001',
};

/** The defaults of the configuration's schema. */
export const CONFIG: PipelineConfig = {
  mode: 'paper',
  signals: { confidenceThreshold: 0.3, minSignalIntervalBars: 1 },
  risk: {
    kellyFraction: 0.25,
    maxPositionFraction: 0.1,
    drawdownHaltFraction: 0.15,
    averageWin: 0.02,
    averageLoss: 0.015,
  },
  execution: {
    triesMax: 3,
    backoffMs: [1000, 2000, 4000],
    orderType: 'limit_ioc',
    limitCollarFraction: 0.002,
    notionalMaxFraction: 0.25,
    priceCollarFraction: 0.05,
    ordersPerMinuteMax: 30,
    quoteAgeMsMax: 5000,
  },
  monitoring: {
    aucWindow: 30,
    aucCritical: 0.5,
    aucWarning: 0.53,
    psiRetrain: 0.25,
    psiWarning: 0.1,
    psiWindowRows: 1000,
  },
};

export const MODEL = { horizonBars: 1, reference: [], sha256: 'tiny' } as const;

const WINDOW = 20;

/**
 * A stream whose layers 1 to 3 are small enough to read here: ingestion refuses what is not finite or not newer; the
 * "features" are the last ten log returns; the model is a logistic curve on them, steep enough to give signals.
 */
export function tinyStream(_clock?: Clock, key: StreamKey = KEY, rules: MarketRules = SPOT): StreamSetup {
  let lastMs = Number.NEGATIVE_INFINITY;
  let closes: number[] = [];
  const up = (values: ArrayLike<number>): number => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]! * (i % 3 === 0 ? 1 : -0.5);
    return 1 / (1 + Math.exp(-120 * sum));
  };
  const predictionOf = (openMs: number, p: number): Prediction => ({
    openMs,
    probabilityUp: p,
    probabilityUpCalibrated: p,
    modelHash: MODEL.sha256,
  });
  const push = (candle: Candle): FeatureRow => {
    closes.push(candle.close);
    if (closes.length > WINDOW) closes.shift();
    const values = new Float64Array(10).fill(Number.NaN);
    if (closes.length < WINDOW) return { openMs: candle.openMs, values, status: 'warming_up' };
    for (let k = 0; k < 10; k++) values[k] = Math.log(closes[WINDOW - 1 - k]! / closes[WINDOW - 2 - k]!);
    return { openMs: candle.openMs, values, status: 'ok' };
  };
  return {
    key,
    calendar: '24x7',
    rules,
    ingestion: {
      checkPast: () => undefined,
      accept(raw) {
        const reason = raw.openMs <= lastMs ? 'duplicate' : raw.close > 0 ? null : 'bad_close';
        if (reason !== null) {
          return {
            kind: 'quarantined',
            row: { stream: key, openMs: raw.openMs, reason, raw: raw.raw ?? '', atMs: raw.openMs },
          };
        }
        const missingBars = Number.isFinite(lastMs)
          ? (raw.openMs - lastMs) / timeframeMs(key.timeframe) - 1
          : 0;
        lastMs = raw.openMs;
        return { kind: 'candle', candle: { ...raw }, missingBars };
      },
    },
    features: {
      push,
      pushSpan(candles) {
        const n = candles.length;
        const rows = Array.from({ length: n }, (_, i) => push(candleAt(candles, i)));
        const values = new Float64Array(n * 10);
        rows.forEach((row, i) => {
          row.values.forEach((value, c) => {
            values[c * n + i] = value;
          });
        });
        return { values, status: (i) => rows[i]!.status };
      },
      reset() {
        closes = [];
      },
    },
    inference: {
      predict: async (row) =>
        row.status === 'ok' ? predictionOf(row.openMs, up(row.values.subarray(1))) : row.status,
      async predictBatch(inputs, count) {
        const p = Float64Array.from({ length: count }, (_, i) => up(inputs.subarray(i * 9, i * 9 + 9)));
        return { probabilityUp: p, probabilityUpCalibrated: p, fault: new Uint8Array(count) };
      },
    },
  };
}

/** A random walk of closed bars. */
export function randomWalk(rng: Rng, count: number, start = 30_000): Candle[] {
  let close = start;
  return Array.from({ length: count }, (_, i) => {
    const open = close;
    close = Math.max(1, Number((close * (1 + (rng.next() - 0.5) * 0.03)).toFixed(2)));
    return {
      openMs: START_MS + i * HOUR_MS,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: 1 + rng.next(),
    };
  });
}
