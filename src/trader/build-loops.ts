import { streamName } from '../core/candle.js';
import { losingRunOf } from '../portfolio/losing-run.js';
import type { GuardLink } from '../ports/guard.js';
import { BarAlerts } from './bar-alerts.js';
import { summaryOf } from './bar-summary.js';
import type { BoxConditions } from './box-conditions.js';
import type { Alerting } from './build-alerts.js';
import type { BuiltPipeline } from './build-pipeline.js';
import type { Closing } from './closing.js';
import { LiveRun } from './live-run.js';
import type { MarketMonitor } from './market-monitor.js';
import { ModelLifecycle } from './model-lifecycle.js';
import { exchangeOf, type TradedExchange } from './open-exchanges.js';
import type { OpenedStore } from './open-store.js';
import type { OrderAlerts } from './order-alerts.js';
import { orderStreams } from './order-streams.js';
import { reconcileLoops } from './reconcile-loops.js';
import { createRestingOrderSafeguards } from './resting-order-safeguards.js';
import { openShadowModel } from './shadow-model.js';
import { createStoreRetention, retentionOf } from './store-retention.js';
import type { TraderOptions } from './trader.js';
import { boxConditions } from './watch-conditions.js';

/** The fifth phase of a start: what continues for as long as the box lives. */
export interface BuiltLoops {
  readonly live: LiveRun;
  /** The model's life: files, health, challengers. */
  readonly lifecycle: ModelLifecycle;
  readonly conditions: BoxConditions;
  readonly resting: ReturnType<typeof createRestingOrderSafeguards>;
  readonly retention: ReturnType<typeof createStoreRetention>;
}

export interface LoopParts {
  readonly options: TraderOptions;
  readonly opened: OpenedStore;
  readonly exchanges: readonly TradedExchange[];
  readonly trading: BuiltPipeline;
  readonly alerting: Alerting;
  readonly orderAlerts: OrderAlerts;
  readonly marketMonitor: MarketMonitor;
  readonly link: GuardLink;
  readonly closing: Closing;
}

export async function buildLoops(parts: LoopParts): Promise<BuiltLoops> {
  const { options, opened, exchanges, trading, alerting, closing } = parts;
  const { config, clock, log } = options;
  const { store } = opened;
  const { pipeline, streams } = trading;
  const { alerts } = alerting;
  const askShadow = await openShadowModel({ config, store, clock, alerts, log, closing });
  const conditions = boxConditions({ config, exchanges, clock, alerts });
  const lifecycle = new ModelLifecycle({
    ...{ config, clock, log, alerts, store, pipeline, streams },
    deciding: opened.deciding,
    modelDir: opened.modelDir,
    requestHalt: (detail) => parts.link.requestHalt(detail),
  });
  const live = buildLiveRun(parts, { conditions, lifecycle, askShadow });
  const resting = createRestingOrderSafeguards({
    config,
    exchanges,
    brokers: trading.brokers,
    clock,
    alerts,
    log,
  });
  const retention = createStoreRetention({ store, keepDays: retentionOf(config), clock, alerts, log });
  return { live, lifecycle, conditions, resting, retention };
}

function buildLiveRun(
  { options, opened, exchanges, trading, alerting, orderAlerts, marketMonitor }: LoopParts,
  own: {
    readonly conditions: BoxConditions;
    readonly lifecycle: ModelLifecycle;
    readonly askShadow: Awaited<ReturnType<typeof openShadowModel>>;
  },
): LiveRun {
  const { config, clock, log } = options;
  const { pipeline, streams, states } = trading;
  const { alerts } = alerting;
  const { conditions, lifecycle, askShadow } = own;
  const barAlerts = new BarAlerts({
    alerts,
    drawdownHaltFraction: config.risk.drawdownHaltFraction,
    limits: {
      ...config.risk,
      losingRun: () => losingRunOf(pipeline.portfolio.trades()),
      calendarOf: ({ exchange }) => exchangeOf(exchanges, exchange).config.calendar,
    },
    quarantineAlertRate: config.ingestion.quarantineAlertRate,
    aucWindow: config.monitoring.aucWindow,
    modelName: () => lifecycle.modelName(),
    actions: config.modelHealth,
    quarantineShare: (name) =>
      streams.find(({ key }) => streamName(key) === name)?.ingestion.quarantineShare(),
  });
  const reconciling = reconcileLoops({ exchanges, pipeline, clock, alerts, log, config });
  return new LiveRun({
    ...(config.mode === 'live' && { reconciling }),
    alongside: [orderAlerts.run, ...orderStreams({ exchanges, pipeline, reconciling, clock, log })],
    pipeline,
    conditions: { ...conditions, health: () => [...conditions.health(), ...marketMonitor.health()] },
    streams: streams.map(({ key, calendar }) => ({
      key,
      feed: exchangeOf(exchanges, key.exchange).feed,
      calendar,
    })),
    restWatches: exchanges.map(({ feed }) => feed),
    store: opened.store,
    clock,
    alerts,
    states,
    mode: config.mode,
    version: options.version,
    silenceMsMax: config.ingestion.silenceMsMax,
    backfillBars: config.ingestion.backfillBars,
    backoffMs: config.execution.backoffMs,
    publishState: () => alerting.publishState(),
    onArrival: options.onArrival,
    async onBar(outcome) {
      alerting.countBar(outcome);
      await orderAlerts.reported();
      await barAlerts.onBar(outcome);
      lifecycle.onBar(outcome);
      askShadow(outcome);
      if (outcome.kind === 'quarantined') log.warn(summaryOf(outcome), 'a row is quarantined');
      else log.debug(summaryOf(outcome), 'bar');
      await options.onBar?.(outcome);
    },
  });
}
