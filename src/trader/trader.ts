import type { DuckStore } from '../adapters/duckdb/index.js';
import type { SimulatedGpio } from '../adapters/gpio/simulated.js';
import type { Log } from '../adapters/log/log.js';
import { createPermitReader } from '../adapters/permit-file/permit-reader.js';
import type { Config } from '../config/schema.js';
import type { StreamKey } from '../core/candle.js';
import type { GuardNotice } from '../guard/guard.js';
import type { InProcessGuard } from '../guard/in-process.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { Clock, Rng } from '../ports/time.js';
import { createAlerting } from './build-alerts.js';
import { buildControl } from './build-control.js';
import { buildLoops } from './build-loops.js';
import { buildPipeline } from './build-pipeline.js';
import { Closing } from './closing.js';
import { joinGuard } from './join-guard.js';
import type { LiveRun } from './live-run.js';
import { LiveStart } from './live-start.js';
import { createMarketMonitor } from './market-monitor.js';
import { openExchange } from './open-exchanges.js';
import { openTraderStore } from './open-store.js';
import { OrderAlerts } from './order-alerts.js';
import { requestEvents } from './request-events.js';
import { TraderStart } from './start.js';

export interface TraderOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly version: string;
  /** The lines of a guard in this process; needed where `guard.mode` is `in-process`. */
  readonly gpio?: SimulatedGpio;
  /** Told of every bar after it was stored and acted on. */
  readonly onBar?: (outcome: BarOutcome) => void | Promise<void>;
  /** See LiveRunOptions. */
  readonly onArrival?: (closeMs: number, stream: StreamKey) => void;
  readonly onNotice?: (notice: GuardNotice) => void;
}

/** The running trader. Parts are open to the demo and to tests; the service uses `start`, `run` and `stop`. */
export interface Trader {
  readonly store: DuckStore;
  readonly pipeline: Pipeline;
  readonly live: LiveRun;
  readonly guard: InProcessGuard | null;
  /** Connects everything; resolves when bars can come. */
  start(): Promise<void>;
  /** Follows the streams until `signal` aborts; rejects when the trader must be started again. */
  run(signal: AbortSignal): Promise<void>;
  /** In the reverse order of `start`. */
  stop(): Promise<void>;
}

/**
 * The trader's composition root, in phases: store and model, what speaks to people, exchanges, pipeline, guard, loops. Each
 * phase is given what the ones before it made, and nothing that is made later. Nothing trades before `start`.
 */
export async function createTrader(options: TraderOptions): Promise<Trader> {
  const closing = new Closing(options.log);
  try {
    return await makeTrader(options, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function makeTrader(options: TraderOptions, closing: Closing): Promise<Trader> {
  const { config, env, clock, rng, log, version } = options;
  const liveStart = new LiveStart(options);
  const opened = await openTraderStore(options, liveStart, closing);
  const { store, paths } = opened;
  const permit = createPermitReader(paths.permit, clock);

  const takesHalts = config.guard.mode === 'in-process';
  const alerting = await createAlerting({ config, env, clock, rng, log, version, store, permit, takesHalts });
  const { alerts } = alerting;
  const orderAlerts = new OrderAlerts({ alerts, store, onFill: alerting.publishFill });

  const marketMonitor = createMarketMonitor({ alerts, log });
  const requests = requestEvents(alerts, log);
  const onGarbled = alerting.countGarbled;
  const parts = { config, env, clock, log, runs: opened.runs, requests, onGarbled };
  const exchanges = await Promise.all(
    config.exchange.map((each) => openExchange(each, { ...parts, markets: marketMonitor.events })),
  );
  for (const { feed } of exchanges) closing.add(() => feed.close());
  const keys = await liveStart.connected(exchanges);

  const trading = await buildPipeline({
    ...{ config, clock, rng, log, opened, exchanges, permit, liveStart },
    onOrderOutcome(outcome) {
      alerting.countOrder(outcome);
      orderAlerts.report(outcome);
    },
  });
  const { pipeline, states } = trading;

  const { guard, link } = joinGuard({
    ...{ config, clock, log, store, exchanges, trading, alerting },
    linkSocket: paths.guardLinkSocket,
    gpio: options.gpio,
    onNotice: options.onNotice,
  });

  const loops = await buildLoops({
    ...{ options, opened, exchanges, trading, alerting, orderAlerts, marketMonitor, link, closing },
  });
  const { live, lifecycle } = loops;
  for (const limit of [
    lifecycle,
    loops.conditions,
    opened.recovery,
    keys,
    { limit: (all: TradingStateSource) => liveStart.limitAll(all) },
  ])
    states.limitBy(limit);
  const control = buildControl({ config, clock, opened, trading, alerting, lifecycle });

  const start = new TraderStart({
    ...{ options, opened, liveStart, keys, exchanges, trading, guard, link, loops },
    ...{ alerting, orderAlerts, marketMonitor, control, closing },
  });
  alerting.show({
    state: () => live.state(),
    modelMarket: () => lifecycle.market(),
    halt: () => start.haltByPhone(),
  });
  return {
    ...{ store, pipeline, live, guard },
    start: () => start.run(),
    run: (signal) => live.run(signal),
    stop: () => closing.close(),
  };
}
