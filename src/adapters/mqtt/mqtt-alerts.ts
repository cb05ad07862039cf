import type { Alert, Alerts, Severity } from '../../core/alert.js';
import { badInput } from '../../core/errors.js';
import type { Fill } from '../../core/order.js';
import type { AlertOutbox, AlertSink, BoxState } from '../../ports/alerts.js';
import type { Clock, Rng } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import { alertPayload, shortened } from '../alert-delivery/alert-payload.js';
import { type AlertCarrier, AlertPump } from '../alert-delivery/alert-pump.js';
import { isQuiet } from '../alert-delivery/quiet-hours.js';
import { openClientId } from './client-id.js';
import { belowHaltTopic, type Incoming } from './commands.js';
import type { MqttConfig, MqttCredentials } from './connect-options.js';
import { HaltInbox } from './halt-inbox.js';
import { discoveryMessage, homeAssistantStatusTopic } from './home-assistant.js';
import { MqttLink } from './link.js';
import { LINK_TIMES, type LinkOptions, type LinkTimes } from './link-options.js';
import { StatePublisher } from './state-publisher.js';
import { type MqttRole, type Topics, topicsOf } from './topics.js';

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
  readonly onTrouble?: (raise: (alerts: Alerts) => Promise<void>) => void;
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

const DRAIN_MS = 2000;
/** A client that hears halts does not wait longer than this before it connects again. */
const HALT_BACKOFF_MS_MAX = 5000;

/**
 * Alerts, state and the halt command over MQTT 5. The trader is never held up or thrown at by a broker: `raise` waits
 * for the outbox alone. Throws `E_MQTT_URL` when the configuration names no broker.
 */
export class MqttAlerts {
  readonly sink: MqttSink;
  readonly #options: MqttAlertsOptions;
  readonly #topics: Topics;
  readonly #link: MqttLink;
  readonly #pump: AlertPump;
  readonly #state: StatePublisher;
  readonly #inbox: HaltInbox | null;
  /** Whether Home Assistant is told what this box is. */
  readonly #announces: boolean;
  readonly #statusTopic: string;

  constructor(options: MqttAlertsOptions) {
    const { config, device, clock, log, role } = options;
    this.#options = options;
    this.#topics = topicsOf(device, role);
    this.#announces = role === 'trader' && config.discoveryPrefix !== '';
    this.#statusTopic = homeAssistantStatusTopic(config.discoveryPrefix);
    this.#link = new MqttLink(this.#linkOptions());
    this.#pump = new AlertPump({
      clock,
      log,
      carrier: this.#carrier(),
      outbox: options.outbox,
      limits: options.alerts,
      quiet: (wallMs) => isQuiet(wallMs, options.alerts.quietFrom, options.alerts.quietTo),
    });
    this.#state = new StatePublisher({
      device,
      topics: this.#topics,
      clock,
      log,
      link: this.#link,
      repeatMs: options.stateRepeatMs ?? 60_000,
      stateNow: options.stateNow,
    });
    this.#inbox = this.#haltInbox();
    this.sink = {
      raise: (alert: Alert) => this.#pump.raise(alert),
      publishState: (box) => this.#state.publishState(box),
      publishFill: (fill) => this.#state.publishFill(fill),
    };
  }

  /** Reads the outbox and begins to connect; does not wait for the broker. Rejects only if the outbox cannot be read. */
  async start(): Promise<void> {
    await this.#pump.restore();
    this.#state.start();
    this.#link.start();
  }

  /** Gives waiting alerts up to 2 s, says `offline`, disconnects. What is not delivered stays in the outbox. */
  async stop(): Promise<void> {
    if (this.#link.up()) await this.#pump.drained(DRAIN_MS);
    this.#pump.stop();
    this.#inbox?.stop();
    await this.#state.stop();
    await this.#link.stop();
  }

  connected(): boolean {
    return this.#link.up();
  }

  #linkOptions(): LinkOptions {
    const { config, device, role, log, clock, onHalt, clientIdFile, credentials, rng, times } = this.#options;
    if (config.url === undefined) {
      throw badInput('E_MQTT_URL', 'mqtt.url is not set', 'set it to mqtts://host:8883 or mqtt://host:1883');
    }
    const { availability, commandHalt } = this.#topics;
    const takesHalts = onHalt !== undefined;
    return {
      url: config.url,
      config,
      clientId: openClientId(`redbutton-${device}-${role}`, clientIdFile, log),
      credentials,
      availabilityTopic: availability,
      subscriptions: [...(takesHalts ? [commandHalt] : []), ...(this.#announces ? [this.#statusTopic] : [])],
      extraSubscriptions: takesHalts ? [belowHaltTopic(commandHalt)] : [],
      clock,
      rng: rng ?? { next: Math.random },
      log,
      times: { ...LINK_TIMES, ...(takesHalts && { backoffMaxMs: HALT_BACKOFF_MS_MAX }), ...times },
      onUp: () => this.#connected(),
      onDown: () => this.#pump.disconnected(),
      onMessage: (message) => this.#receive(message),
      onTakenOver: (certain) =>
        this.#trouble((alerts) => alerts.raise('CLIENT_TAKEN_OVER', { role, certain })),
      onRefused: (topic, reason) =>
        this.#trouble((alerts) =>
          alerts.raise('BROKER_REFUSES_TOPIC', { topic, ...(reason !== undefined && { reason }) }),
        ),
    };
  }

  #carrier(): AlertCarrier {
    const { device, clock } = this.#options;
    const topicOf = (severity: Severity) => this.#topics.alert(severity);
    return {
      destinationOf: (severity) => `${topicOf(severity)} at the broker`,
      ready: () => this.#link.up(),
      send: (message) => {
        const topic = topicOf(message.severity);
        const whole = alertPayload(device, message, clock.wallMs());
        const text = JSON.stringify(whole);
        return this.#link.publish(
          topic,
          this.#link.fits(topic, text) ? text : JSON.stringify(shortened(whole)),
          false,
        );
      },
    };
  }

  #haltInbox(): HaltInbox | null {
    const { clock, log, onHalt } = this.#options;
    if (onHalt === undefined) return null;
    return new HaltInbox({
      haltTopic: this.#topics.commandHalt,
      clock,
      log,
      onHalt,
      onIgnored: (reason) => this.#trouble((alerts) => alerts.raise('COMMAND_IGNORED', { reason })),
    });
  }

  #trouble(raise: (alerts: Alerts) => Promise<void>): void {
    this.#options.onTrouble?.(raise);
  }

  #connected(): void {
    this.#announce();
    this.#state.connected();
    this.#pump.connected();
  }

  #announce(): void {
    if (!this.#announces) return;
    const { config, device, version, onHalt, role } = this.#options;
    const haltTakenBy = this.#options.haltTakenBy ?? (onHalt === undefined ? 'guard' : role);
    const message = discoveryMessage(config.discoveryPrefix, device, this.#topics, version, haltTakenBy);
    // Where it is refused the link says so.
    this.#link.publish(message.topic, JSON.stringify(message.payload), true).catch(() => {});
  }

  #receive(message: Incoming): void | Promise<void> {
    if (!this.#announces || message.topic !== this.#statusTopic) return this.#inbox?.receive(message);
    if (message.payload === null || Buffer.from(message.payload).toString('latin1') !== 'online') return;
    this.#announce();
    this.#state.connected();
  }
}
