import type { Candle, StreamKey } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { syntheticQuote } from '../../src/core/synthetic-quote.js';
import type { TradingState } from '../../src/core/trading-state.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import type { ExecutionOutcome } from '../../src/execution/order-intent.js';
import { createPaperBroker, type PaperBroker } from '../../src/execution/paper-broker.js';
import type { StreamSetup } from '../../src/pipeline/layer-ports.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { PipelineConfig } from '../../src/pipeline/pipeline-api.js';
import type { Broker } from '../../src/ports/broker.js';
import type { PermitReading } from '../../src/ports/guard.js';
import type { Store } from '../../src/ports/store.js';
import type { Clock } from '../../src/ports/time.js';
import { createSimulatedClock, type SimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { CONFIG, HOUR_MS, KEY, MODEL, SPOT, tinyStream } from './tiny-stream.js';

export const START_CASH = '100000';
export const HALF_SPREAD_BPS = 5;

export interface PaperWorldOptions {
  readonly store: Store;
  readonly config?: PipelineConfig;
  readonly idSeed?: number;
  readonly clock?: SimulatedClock;
  readonly keys?: readonly StreamKey[];
  /** Puts layers of the test's own into each stream. */
  readonly setup?: (setup: StreamSetup, clock: Clock) => StreamSetup;
  /** The exchange's own side, where it outlives a restart of the trader. */
  readonly paper?: PaperBroker;
  /** Stands between the gate and the paper broker, for faults. */
  readonly wrap?: (broker: Broker) => Broker;
}

export function paperExchange(clock: Clock, availableOf?: () => string | undefined): PaperBroker {
  return createPaperBroker({
    exchange: KEY.exchange,
    clock,
    rulesOf: () => SPOT,
    startBalances: { USDT: START_CASH },
    ...(availableOf && { availableOf }),
  });
}

/** A paper trader in one process: the pipeline with a clock, permit and state that the test turns by hand. */
export async function paperWorld(options: PaperWorldOptions) {
  const clock = options.clock ?? createSimulatedClock();
  const box = {
    state: 'ACTIVE' as TradingState,
    permit: { ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e15 } as PermitReading,
    quote: true,
    /** How old the quote is, and how far it stands from the close. */
    quoteAgeMs: 0,
    quoteFactor: 1,
  };
  const paper = options.paper ?? paperExchange(clock);
  const streams = (options.keys ?? [KEY]).map((key) => {
    const tiny = tinyStream(clock, key, { ...SPOT, symbol: key.symbol });
    return options.setup?.(tiny, clock) ?? tiny;
  });
  const outcomes: ExecutionOutcome[] = [];
  const pipeline = new Pipeline({
    config: options.config ?? CONFIG,
    streams,
    model: MODEL,
    clock,
    store: options.store,
    brokers: [options.wrap?.(paper) ?? paper],
    permit: { read: () => box.permit },
    ids: createOrderIds('test', clock, seededRng(options.idSeed ?? 1)),
    startCash: START_CASH,
    tradingState: () => box.state,
    onOrderOutcome: (outcome) => void outcomes.push(outcome),
    quoteFor: async (_, candle) =>
      box.quote
        ? syntheticQuote(
            candle.close * box.quoteFactor,
            HALF_SPREAD_BPS,
            SPOT.priceTick,
            clock.wallMs() - box.quoteAgeMs,
          )
        : undefined,
  });
  const restored = await options.store.restore();
  if (!options.paper) paper.restore(restored.fills);
  await pipeline.start(restored);
  return {
    pipeline,
    /** What has become of orders, in the order in which it became known. */
    outcomes,
    paper,
    clock,
    box,
    async bar(candle: Candle, key = KEY) {
      clock.setWallMs(candle.openMs + HOUR_MS);
      return pipeline.onCandle(key, candle);
    },
  };
}
