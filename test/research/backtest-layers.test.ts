import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { type Candle, toColumns } from '../../src/core/candle.js';
import { FEATURE_SET_VERSION, MODEL_COLUMNS, MODEL_WIDTH } from '../../src/core/feature-set.js';
import type { ModelManifest } from '../../src/core/manifest.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { syntheticQuote } from '../../src/core/synthetic-quote.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import { createPaperBroker } from '../../src/execution/paper-broker.js';
import { createInferenceLayer } from '../../src/pipeline/inference/index.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { createStreamSetup } from '../../src/pipeline/stream-setup.js';
import type { Classifier } from '../../src/ports/model.js';
import type { Clock } from '../../src/ports/time.js';
import { runBacktest } from '../../src/research/backtest/backtest.js';
import { compareDecisions } from '../../src/research/backtest/compare.js';
import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { emptyContents, tinyStore } from '../support/tiny-store.js';
import { CONFIG, HOUR_MS, KEY, randomWalk, SPOT } from '../support/tiny-stream.js';

const MANIFEST: ModelManifest = {
  manifestVersion: 1,
  kind: 'test',
  featureSet: FEATURE_SET_VERSION,
  columns: MODEL_COLUMNS,
  horizonBars: 2,
  input: { name: 'x', type: 'float64' },
  output: { name: 'p', form: 'tensor', upIndex: 0 },
  batchable: true,
  sha256: 'test',
  calibration: { kind: 'platt', a: -0.7, b: 0.05 },
  training: null,
  evaluation: null,
  reference: [],
  featureImportance: {},
  imported: null,
  createdAt: '2024-01-01T00:00:00Z',
};

/** A logistic curve on all nine inputs that now and then answers no probability at all. */
const classifier: Classifier = {
  manifest: MANIFEST,
  predict: async (rows, count) =>
    Float64Array.from({ length: count }, (_, i) => {
      const row = rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH);
      const score = (row[0]! - 50) / 8 + row[4]! * 60 - row[5]! * 40;
      return row[3]! > 1.7 ? Number.NaN : 1 / (1 + Math.exp(-score));
    }),
  close: async () => {},
};

/** A feed as it comes: rows that cannot be, rows twice, bars missing one at a time and by the dozen. */
function dirtyWalk(seed: number, bars: number): Candle[] {
  const rng = seededRng(seed);
  return randomWalk(rng, bars).flatMap((candle, i) => {
    const roll = rng.next();
    if (roll < 0.02 || (i % 500 > 300 && i % 500 < 312)) return [];
    if (roll < 0.03) return [{ ...candle, close: Number.NaN }];
    if (roll < 0.04) return [{ ...candle, high: candle.low - 1 }];
    return roll < 0.06 ? [candle, candle] : [candle];
  });
}

const setup = (clock: Clock) =>
  createStreamSetup({
    key: KEY,
    calendar: '24x7',
    marketRules: SPOT,
    ingestion: { rules: 'strict', maxGapBars: 3 },
    kernel: createFeatureKernel(),
    inference: createInferenceLayer({ classifier }),
    clock,
  });

describe('the backtest through the real layers 1 to 3', () => {
  it('equals a live run over a dirty feed, bit for bit', async () => {
    for (const seed of [1, 2, 3]) {
      const feed = dirtyWalk(seed, 3000);
      const contents = emptyContents();
      const clock = createSimulatedClock();
      const pipeline = new Pipeline({
        config: CONFIG,
        streams: [setup(clock)],
        model: MANIFEST,
        clock,
        store: tinyStore(contents),
        brokers: [
          createPaperBroker({
            exchange: KEY.exchange,
            clock,
            rulesOf: () => SPOT,
            startBalances: { USDT: '100000' },
          }),
        ],
        permit: { read: () => ({ ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e15 }) },
        ids: createOrderIds('live', clock, seededRng(seed)),
        startCash: '100000',
        tradingState: () => 'ACTIVE',
        quoteFor: async (_, candle) => syntheticQuote(candle.close, 5, SPOT.priceTick, clock.wallMs()),
      });
      await pipeline.start();
      for (const raw of feed) {
        clock.setWallMs(raw.openMs + HOUR_MS);
        await pipeline.onCandle(KEY, raw);
      }
      const backtestContents = emptyContents();
      const result = await runBacktest({
        candles: toColumns(feed),
        makeStream: setup,
        model: MANIFEST,
        config: CONFIG,
        startCash: '100000',
        fillModel: { halfSpreadBps: 5 },
        store: tinyStore(backtestContents),
      });
      const live = [...contents.bars.values()];
      expect(compareDecisions(live, result.decisions), `seed ${seed}`).toEqual([]);
      expect(backtestContents.quarantine.length).toBe(contents.quarantine.length);
      expect(backtestContents.outcomes).toEqual(contents.outcomes);

      // And the feed was dirty enough to mean something: gaps, faults of the model, refused rows, orders
      const reasons = new Set(
        live.flatMap((bar) => (bar.signal?.kind === 'none' ? [bar.signal.reason] : [])),
      );
      for (const reason of ['warming_up', 'hole', 'inference_fault', 'below_threshold'] as const) {
        expect(reasons, `seed ${seed}`).toContain(reason);
      }
      expect(contents.quarantine.length).toBeGreaterThan(20);
      expect(result.fills.length).toBeGreaterThan(50);
      const calibrated = live.find((bar) => bar.prediction !== null)?.prediction;
      expect(calibrated?.probabilityUpCalibrated).not.toBe(calibrated?.probabilityUp);
    }
  });
});
