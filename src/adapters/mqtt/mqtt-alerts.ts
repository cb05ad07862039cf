import type { Alert, AlertRaiser } from '../../core/alert.js';
import { badInput } from '../../core/errors.js';
import type { Fill } from '../../core/order.js';
import type { AlertOutbox, AlertSink, BoxState } from '../../ports/alerts.js';
import type { Clock, Rng } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import { alertPayload } from '../alert-delivery/alert-payload.js';
import { AlertPump } from '../alert-delivery/alert-pump.js';
import { isQuiet } from '../alert-delivery/quiet-hours.js';
import { openClientId } from './client-id.js';
import { belowHaltTopic, type Incoming } from './commands.js';
import type { MqttConfig, MqttCredentials } from './connect-options.js';
import { createHaltInbox } from './halt-inbox.js';
import { discoveryMessage, homeAssistantStatusTopic } from './home-assistant.js';
import { MqttLink } from './link.js';
import { LINK_TIMES, type LinkTimes } from './link-options.js';
import { createStatePublisher } from './state-publisher.js';
import { type MqttRole, topicsOf } from './topics.js';

/** The `alerts` section of the configuration. */
export interface AlertsConfig {
  readonly quietFrom?: string | undefined;
  readonly quietTo?: string | undefined;
  readonly perCodeMax: number;
  readonly rateWindowMs: number;
  readonly backlogPerSecondMax: number;
}

export interface MqttAlertsOptions {
  readonly config: MqttConfig;
  readonly alerts: AlertsConfig;
  readonly device: string;
  readonly role: MqttRole;
  readonly credentials: MqttCredentials;
  readonly outbox: AlertOutbox;
  readonly clock: Clock;
  readonly log: AlertLog;
  /** Called for whatever arrives live on `cmd/halt`; without it this client takes no commands. May be called again while it runs. */
  readonly onHalt?: (again: boolean) => void | Promise<void>;
  /** Where the random part of the client id is kept; without it each process has one of its own. */
  readonly clientIdFile?: string;
  /** Given what a person should hear of: an old command that was ignored, a client id taken over, a refused topic. */
  readonly onTrouble?: (raise: (alerts: AlertRaiser) => Promise<void>) => void;
  /** Who answers `cmd/halt`, for the availability of Home Assistant's button; this client when it has `onHalt`. */
  readonly haltTakenBy?: 'trader' | 'guard';
  readonly version: string;
  readonly rng?: Rng;
  readonly times?: Partial<LinkTimes>;
  readonly stateRepeatMs?: number;
  /** The picture as of now, for the retained state's repetitions. Must not throw. */
  readonly stateNow?: () => BoxState;
}

/** The sink the pipeline knows, and fills for those who listen to `fill`. */
export interface MqttSink extends AlertSink {
  publishFill(fill: Fill): void;
}

export interface MqttAlerts {
  readonly sink: MqttSink;
  /** Reads the outbox and begins to connect; does not wait for the broker. Rejects only if the outbox cannot be read. */
  start(): Promise<void>;
  /** Gives waiting alerts up to 2 s, says `offline`, disconnects. What is not delivered stays in the outbox. */
  stop(): Promise<void>;
  connected(): boolean;
}

const DRAIN_MS = 2000;
/** A client that hears halts does not wait longer than this before it connects again. */
const HALT_BACKOFF_MS_MAX = 5000;

/**
 * Alerts, state and the halt command over MQTT 5. The trader is never held up or thrown at by a broker: `raise` waits
 * for the outbox alone. Throws `E_MQTT_URL` when the configuration names no broker.
 */
export function createMqttAlerts(options: MqttAlertsOptions): MqttAlerts {
  const { config, device, clock, log, role } = options;
  if (config.url === undefined) {
    throw badInput('E_MQTT_URL', 'mqtt.url is not set', 'set it to mqtts://host:8883 or mqtt://host:1883');
  }
  const topics = topicsOf(device, role);
  const announces = role === 'trader' && config.discoveryPrefix !== '';
  const trouble = (raise: (alerts: AlertRaiser) => Promise<void>) => options.onTrouble?.(raise);
  const statusTopic = homeAssistantStatusTopic(config.discoveryPrefix);

  const link = new MqttLink({
    url: config.url,
    config,
    clientId: openClientId(`redbutton-${device}-${role}`, options.clientIdFile, log),
    credentials: options.credentials,
    availabilityTopic: topics.availability,
    subscriptions: [
      ...(options.onHalt === undefined ? [] : [topics.commandHalt]),
      ...(announces ? [statusTopic] : []),
    ],
    extraSubscriptions: options.onHalt === undefined ? [] : [belowHaltTopic(topics.commandHalt)],
    clock,
    rng: options.rng ?? { next: Math.random },
    log,
    times: {
      ...LINK_TIMES,
      ...(options.onHalt !== undefined && { backoffMaxMs: HALT_BACKOFF_MS_MAX }),
      ...options.times,
    },
    onUp() {
      announce();
      state.connected();
      pump.connected();
    },
    onDown: () => pump.disconnected(),
    onMessage: receive,
    onTakenOver: (certain) => trouble((alerts) => alerts.raise('CLIENT_TAKEN_OVER', { role, certain })),
    onRefused: (topic) => trouble((alerts) => alerts.raise('BROKER_REFUSES_TOPIC', { topic })),
  });
  const pump = new AlertPump({
    clock,
    log,
    carrier: {
      placeOf: (severity) => `${topics.alert(severity)} at the broker`,
      ready: () => link.up(),
      send: (message) =>
        link.publish(
          topics.alert(message.severity),
          JSON.stringify(alertPayload(device, message, clock.wallMs())),
          false,
        ),
    },
    outbox: options.outbox,
    limits: options.alerts,
    quiet: (wallMs) => isQuiet(wallMs, options.alerts.quietFrom, options.alerts.quietTo),
  });
  const state = createStatePublisher({
    device,
    topics,
    clock,
    log,
    link,
    repeatMs: options.stateRepeatMs ?? 60_000,
    stateNow: options.stateNow,
  });

  function announce(): void {
    if (!announces) return;
    const haltTakenBy = options.haltTakenBy ?? (options.onHalt === undefined ? 'guard' : role);
    const message = discoveryMessage(config.discoveryPrefix, device, topics, options.version, haltTakenBy);
    // Where it is refused the link says so.
    link.publish(message.topic, JSON.stringify(message.payload), true).catch(() => {});
  }

  const inbox =
    options.onHalt === undefined
      ? null
      : createHaltInbox({
          haltTopic: topics.commandHalt,
          clock,
          log,
          onHalt: options.onHalt,
          onIgnored: (reason) => trouble((alerts) => alerts.raise('COMMAND_IGNORED', { reason })),
        });

  function receive(message: Incoming): void | Promise<void> {
    if (announces && message.topic === statusTopic) {
      if (message.payload === null || Buffer.from(message.payload).toString('latin1') !== 'online') return;
      announce();
      state.connected();
      return;
    }
    return inbox?.receive(message);
  }

  return {
    sink: {
      raise: (alert: Alert) => pump.raise(alert),
      publishState: (box) => state.publishState(box),
      publishFill: (fill) => state.publishFill(fill),
    },
    async start() {
      await pump.restore();
      state.start();
      link.start();
    },
    async stop() {
      if (link.up()) await pump.drained(DRAIN_MS);
      pump.stop();
      inbox?.stop();
      await state.stop();
      await link.stop();
    },
    connected: () => link.up(),
  };
}
