import { setMaxListeners } from 'node:events';
import type { Alerts } from '../../src/core/alert.js';
import type { ModelManifest } from '../../src/core/manifest.js';
import type { DenialReason, Fill, OrderRequest } from '../../src/core/order.js';
import { stricter } from '../../src/core/trading-state.js';
import { HaltHandler } from '../../src/execution/halt-handler.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import { followOrders } from '../../src/execution/order-updates.js';
import { ReconcileLoop } from '../../src/execution/reconcile-loop.js';
import type { Reconciliation } from '../../src/execution/reconciliation.js';
import { createInferenceLayer } from '../../src/pipeline/inference/index.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { PipelineConfig } from '../../src/pipeline/pipeline-api.js';
import { createStreamSetup } from '../../src/pipeline/stream-setup.js';
import type { Broker, OrderStream } from '../../src/ports/broker.js';
import type { Classifier, FeatureKernel } from '../../src/ports/model.js';
import type { Rng } from '../../src/ports/time.js';
import { LiveRun } from '../../src/trader/live-run.js';
import { OrderAlerts } from '../../src/trader/order-alerts.js';
import type { MemoryStore } from '../support/memory-store/memory-store.js';
import type { EventClock } from './event-clock.js';
import type { Life } from './life.js';
import type { SimulatedFeed } from './simulated-feed.js';
import type { SimulatedGuard } from './simulated-guard.js';
import { EXCHANGE, rulesOf, SYMBOLS } from './simulated-market.js';

export interface SimulatedTraderParts {
  readonly config: PipelineConfig;
  readonly life: Life;
  readonly clock: EventClock;
  readonly store: MemoryStore;
  readonly feed: SimulatedFeed;
  readonly guard: SimulatedGuard;
  readonly kernel: FeatureKernel;
  readonly classifier: Classifier;
  readonly rng: Rng;
  readonly makeBroker: (mayLeave: (order: OrderRequest) => DenialReason | null) => Broker;
  readonly orders: OrderStream;
  readonly onReconciled: (result: Reconciliation) => void;
  readonly alerts: Alerts;
  /** The alert of a fill cannot be lost any more. */
  readonly onReported: (fill: Fill) => void;
}

// The loops and streams of a life wait for the same end; Node takes more than ten such listeners for a leak.
setMaxListeners(20);

const STORE_CALLS = [
  'commitBar',
  'addCandles',
  'quarantine',
  'lastCandles',
  'recordOrder',
  'recordFills',
  'recordFlows',
  'recordCorrection',
  'recordGap',
  'gaps',
  'recordHalt',
  'recordRebase',
  'recordReported',
  'restore',
] as const satisfies readonly (keyof MemoryStore)[];
const BROKER_CALLS = ['create', 'find', 'cancel', 'openOrders', 'history', 'balances', 'transfers'] as const;

/** Steep enough on the last returns to give many signals in either direction; a pure function of the row. */
export const CLASSIFIER: Classifier = {
  manifest: {
    featureSet: 'v1',
    columns: ['rsi', 'bb_width', 'volatility', 'vol_zscore', 'lag_1', 'lag_2', 'lag_3', 'lag_5', 'lag_10'],
    horizonBars: 1,
    calibration: { kind: 'identity' },
    sha256: 'simulated',
    batchable: true,
    reference: [],
  } as unknown as ModelManifest,
  async predict(rows, count) {
    return Float64Array.from({ length: count }, (_, i) => {
      const sum = rows[i * 9 + 4]! - 0.6 * rows[i * 9 + 5]! + 0.4 * rows[i * 9 + 7]!;
      return 1 / (1 + Math.exp(-70 * sum));
    });
  },
  close: async () => undefined,
};

/** One life of the trader, put together as the service does it. Resolves when it has started; `ended` when it is over. */
export async function startTrader(parts: SimulatedTraderParts): Promise<{
  readonly pipeline: Pipeline;
  readonly ended: Promise<void>;
}> {
  const { life, guard, config } = parts;
  const clock = life.clock(parts.clock);
  const store = life.port(parts.store, STORE_CALLS);
  const state = () => {
    const permit = guard.permit();
    return permit.ok ? stricter(permit.state, guard.state) : 'HALTED';
  };
  // The broker asks the pipeline as a request leaves, and the pipeline is made with the broker.
  let pipeline: Pipeline | null = null;
  const broker = life.port(
    parts.makeBroker((order) => pipeline?.orders.mayLeave(order) ?? null),
    BROKER_CALLS,
  );
  const inference = createInferenceLayer({ classifier: parts.classifier });
  const streams = SYMBOLS.map((symbol) =>
    createStreamSetup({
      key: { exchange: EXCHANGE, symbol, timeframe: '1h' },
      calendar: '24x7',
      marketRules: rulesOf(symbol),
      ingestion: { rules: 'strict', maxGapBars: 3 },
      kernel: parts.kernel,
      inference,
      clock,
    }),
  );
  const ids = createOrderIds('sim', clock, parts.rng);
  const made = new Pipeline({
    config,
    streams,
    model: parts.classifier.manifest,
    clock,
    store,
    brokers: [broker],
    permit: { read: () => guard.permit() },
    ids,
    startCash: '0',
    tradingState: state,
    onOrderOutcome: (outcome) => orderAlerts.report(outcome),
    quoteFor: ({ symbol }) => parts.feed.quote(symbol),
  });
  pipeline = made;
  let filled: Fill | null = null;
  const orderAlerts = new OrderAlerts({
    alerts: {
      // A life may end before or after the alert is in the outbox.
      raise: (code, figures) =>
        life.calls('raise', async () => {
          if (code === 'ORDER_FILLED') parts.onReported(filled!);
          await parts.alerts.raise(code, figures);
        }),
    },
    store,
    onFill: (fill) => {
      filled = fill;
    },
  });
  const reconciling = new ReconcileLoop({
    orders: made.orders,
    exchange: EXCHANGE,
    clock,
    alerts: parts.alerts,
    // Rarer than a box compares, since it is the dearest thing of a month; no divisor of a bar, so that comparisons fall
    // before, into and after what a bar's close sets off.
    periodMs: 97 * 60_000,
    onResult: parts.onReconciled,
  });
  const live = new LiveRun({
    pipeline: made,
    streams: streams.map(({ key }) => ({ key, calendar: '24x7' as const, feed: parts.feed })),
    store,
    clock,
    alerts: parts.alerts,
    states: { state },
    mode: 'live',
    version: 'simulated',
    silenceMsMax: 3 * 3_600_000,
    backfillBars: 60,
    backoffMs: [1000, 5000],
    reconciling: new Map([[EXCHANGE, reconciling]]),
    alongside: [
      orderAlerts.run,
      (signal) =>
        followOrders(
          {
            exchange: EXCHANGE,
            stream: parts.orders,
            orders: made.orders,
            clock,
            backoffMs: [1000, 60_000],
            onBack: () => reconciling.wake(),
            onLost: () => undefined,
          },
          signal,
        ),
    ],
    publishState: () => undefined,
    onBar: () => orderAlerts.reported(),
  });
  const restored = await store.restore();
  await made.start(restored);
  await live.start();
  orderAlerts.start(restored.unreportedFills);
  guard.serve(
    new HaltHandler({
      exchanges: [
        {
          broker,
          symbols: SYMBOLS,
          async resolveUnknown() {
            await made.orders.resolveUnknown();
            return made.state().unresolvedOrders;
          },
          invalidate: () => made.orders.invalidate(EXCHANGE),
          // Whoever asked for it: what a comparison comes to counts.
          async compare() {
            const result = await made.orders.reconcile(EXCHANGE);
            if (result !== null) parts.onReconciled(result);
            return result;
          },
          flatten: () => made.orders.flatten(EXCHANGE),
          positions: () => [],
        },
      ],
      clock,
      isOurs: ids.isOurs,
      scope: 'ours',
    }),
  );
  return { pipeline: made, ended: live.run(new AbortController().signal) };
}
