import { openAlertOutbox } from '../adapters/alert-outbox/alert-outbox.js';
import {
  createAlertSinks,
  createDailySummary,
  createGuardWatch,
  createReleaseWatch,
} from '../adapters/alert-sinks/index.js';
import type { ControlRoutes } from '../adapters/control-socket/control-server.js';
import type { Log } from '../adapters/log/log.js';
import { createMetricsEndpoint } from '../adapters/metrics/metrics-endpoint.js';
import { type CountedBar, createTraderMetrics } from '../adapters/metrics/trader-metrics.js';
import { brokerIsHere } from '../adapters/mqtt/index.js';
import { createVitalsWatch } from '../adapters/vitals/vitals.js';
import { mqttCredentials, ntfyCredentials } from '../config/credentials.js';
import { boxPaths } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { type Alerts, createAlertIds, createAlerts } from '../core/alert.js';
import { ALERT_CATALOGUE } from '../core/alert-catalogue.js';
import { invariant } from '../core/errors.js';
import type { Fill } from '../core/order.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import type { AlertOutbox, BoxState } from '../ports/alerts.js';
import type { Permit } from '../ports/guard.js';
import type { StoreReader } from '../ports/store.js';
import type { Clock, Rng } from '../ports/time.js';

export interface AlertingOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly version: string;
  readonly store: AlertOutbox & Pick<StoreReader, 'fills' | 'equityCurve'>;
  readonly permit: Permit;
  /** Whether the phone's halt is taken here; else the guard's own process takes it. */
  readonly takesHalts: boolean;
}

/** What is told of the box, once all of it is made. */
export interface BoxView {
  /** The box as the pipeline sees it. */
  state(): BoxState;
  /** What the status says of the model's market; null where there is nothing to say. */
  modelMarket(): string | null;
  /** Carries out the phone's halt, where it is taken here. */
  halt(): Promise<void>;
}

/** All that the trader says to people, and the watches that speak on their own. */
export interface Alerting {
  readonly alerts: Alerts;
  /** The state with what the box's own sensors say. */
  state(): BoxState;
  publishState(): void;
  publishFill(fill: Fill): void;
  /** Takes a bar, and what has become of an order, into the figures for Prometheus. */
  countBar(outcome: BarOutcome): void;
  countOrder(outcome: ExecutionOutcome): void;
  /** Counts an answer of an exchange that was not believed. */
  readonly countGarbled: (exchange: string, place: string) => void;
  /** Before `start`: what is told from then on. */
  show(box: BoxView): void;
  /** What the control socket answers of all this. */
  readonly routes: ControlRoutes;
  start(): Promise<void>;
  /** In the reverse order of `start`. */
  stop(): Promise<void>;
}

export async function createAlerting(options: AlertingOptions): Promise<Alerting> {
  const { config, clock, rng, log, store } = options;
  let view: BoxView | null = null;
  const shown = (): BoxView => {
    invariant(view !== null, 'the box is shown before anything is told of it');
    return view;
  };
  const outboxes: { close(): Promise<void> }[] = [];
  const sinks = await openSinks(options, outboxes, {
    stateNow: state,
    halt: () => shown().halt(),
    alerts: () => alerts,
  });
  const ids = createAlertIds(config.device.name, clock, rng);
  const alerts = createAlerts(ALERT_CATALOGUE, clock, sinks.sink, ids);
  const vitals = createVitalsWatch({ stateDir: config.device.stateDir, clock, log, alerts });
  const metrics = createTraderMetrics({ version: options.version, mode: config.mode, state });
  const endpoint =
    config.metrics.port === undefined ? null : createMetricsEndpoint(config.metrics.port, metrics.text);
  const watches = [
    vitals,
    createDailySummary({ at: config.alerts.dailySummaryAt, clock, log, alerts, store, state }),
    createGuardWatch({ permit: options.permit, clock, log, alerts, onLook: publishState }),
    createReleaseWatch({ url: config.alerts.releaseUrl, version: options.version, clock, log, alerts }),
  ];

  function state(): BoxState {
    return { ...shown().state(), temperatureC: vitals.last().temperatureC };
  }

  function publishState(): void {
    sinks.sink.publishState(state());
  }

  return {
    alerts,
    state,
    publishState,
    show(box) {
      view = box;
    },
    publishFill: (fill) => sinks.publishFill(fill),
    countBar: (outcome) => metrics.countBar(countedBar(outcome)),
    countGarbled: (exchange, place) => metrics.countGarbled(exchange, place),
    countOrder: ({ order: { exchange, symbol }, status, fills }) =>
      metrics.countOrder({
        stream: { exchange, symbol, timeframe: config.timeframe },
        status,
        fills: fills.length,
      }),
    routes: {
      'GET /status': () => {
        const modelMarket = shown().modelMarket();
        return { status: 200, body: { ...state(), ...(modelMarket !== null && { modelMarket }) } };
      },
      'GET /metrics': async () => ({ status: 200, body: { text: await metrics.text() } }),
    },
    async start() {
      if (config.mqtt.url !== undefined && (await brokerIsHere(config.mqtt.url)))
        log.info('the broker is on this box and dies with it: no phone will see "offline" (docs/alerts.md)');
      await sinks.start();
      for (const watch of watches) watch.start();
      await endpoint?.start();
    },
    async stop() {
      await endpoint?.stop();
      for (const watch of [...watches].reverse()) await watch.stop();
      await sinks.stop();
      for (const outbox of outboxes) await outbox.close();
    },
  };
}

/** What the sinks ask back: the box's state, the phone's halt, and who raises an alert of their own trouble. */
interface AskedBySinks {
  readonly stateNow: () => BoxState;
  readonly halt: () => Promise<void>;
  readonly alerts: () => Alerts;
}

function openSinks(options: AlertingOptions, outboxes: { close(): Promise<void> }[], asked: AskedBySinks) {
  const { config, env, clock, rng, log, store, takesHalts } = options;
  const damaged = (line: number) =>
    log.warn({ errorCode: 'E_SPOOL', line }, 'a line of the ntfy outbox is damaged and was passed over');
  return createAlertSinks({
    config,
    device: config.device.name,
    role: 'trader',
    credentials: mqttCredentials(env),
    outbox: store,
    ntfy: {
      ...ntfyCredentials(env),
      async openOutbox() {
        const outbox = await openAlertOutbox(boxPaths(config).ntfyOutbox, damaged);
        outboxes.push(outbox);
        return outbox;
      },
    },
    clock,
    log,
    rng,
    version: options.version,
    stateNow: asked.stateNow,
    haltTakenBy: takesHalts ? 'trader' : 'guard',
    ...(takesHalts && { onHalt: asked.halt }),
    clientIdFile: boxPaths(config).mqttClientIds.trader,
    onTrouble(raise) {
      raise(asked.alerts()).catch((error) => log.error({ err: error }, 'an alert was lost'));
    },
  });
}

function countedBar(outcome: BarOutcome): CountedBar {
  const { stream, kind } = outcome;
  if (outcome.kind !== 'decided') return { stream, kind, signal: null, denial: null };
  const { signal, risk } = outcome.record;
  return {
    stream,
    kind,
    signal: signal?.kind === 'signal' ? signal.direction : null,
    denial: risk?.kind === 'denial' ? risk.reason : null,
  };
}
