import { badInput } from '../../core/errors.js';
import type { Fill } from '../../core/order.js';
import type { AlertOutbox, AlertSink } from '../../ports/alerts.js';
import { fanOut } from '../alert-delivery/index.js';
import { MqttAlerts, type MqttAlertsOptions } from '../mqtt/index.js';
import { createNtfyAlerts } from '../ntfy/index.js';

export interface AlertSinksOptions extends Omit<MqttAlertsOptions, 'config' | 'alerts'> {
  readonly config: {
    readonly mqtt: MqttAlertsOptions['config'];
    readonly alerts: MqttAlertsOptions['alerts'] & { readonly sinks: readonly ('mqtt' | 'ntfy')[] };
    readonly ntfy: { readonly url: string };
  };
  readonly ntfy: {
    readonly topic: { reveal(): string } | undefined;
    readonly token: { reveal(): string } | undefined;
    /** Opens the outbox of its own; called only where ntfy is a sink. */
    openOutbox(): Promise<AlertOutbox>;
  };
}

/** Every way out of the box that the configuration names, as one. */
export interface AlertSinks {
  readonly sink: AlertSink;
  publishFill(fill: Fill): void;
  /** How many ways out there are; with none, alerts end in the log. */
  readonly count: number;
  /** Does not wait for a broker or a server. */
  start(): Promise<void>;
  /** Within 4 s, whatever they do. */
  stop(): Promise<void>;
}

/** Builds the sinks of `alerts.sinks`. Rejects `E_NTFY_TOPIC` where ntfy is one of them and its topic is not set. */
export async function createAlertSinks(options: AlertSinksOptions): Promise<AlertSinks> {
  const { config, log, clock, device } = options;
  const wanted = new Set(config.alerts.sinks);
  const mqtt =
    wanted.has('mqtt') && config.mqtt.url !== undefined
      ? new MqttAlerts({ ...options, config: config.mqtt, alerts: config.alerts })
      : null;
  const ntfy = wanted.has('ntfy') ? await makeNtfy() : null;
  const parts = [mqtt, ntfy].filter((part) => part !== null);
  if (parts.length === 0) log.warn({}, 'no alert leaves this box: mqtt.url is not set, and ntfy is no sink');

  return {
    sink: parts.length === 0 ? logSink() : fanOut(parts.map(({ sink }) => sink)),
    publishFill: (fill) => mqtt?.sink.publishFill(fill),
    count: parts.length,
    async start() {
      for (const part of parts) await part.start();
    },
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };

  async function makeNtfy() {
    const { topic, token, openOutbox } = options.ntfy;
    if (topic === undefined) {
      throw badInput(
        'E_NTFY_TOPIC',
        'alerts.sinks names ntfy, but the credential ntfy-topic is not set',
        'set it to a long random word, and subscribe to that in the ntfy app',
      );
    }
    return createNtfyAlerts({
      url: config.ntfy.url,
      topic,
      ...(token === undefined ? {} : { token }),
      device,
      alerts: config.alerts,
      outbox: await openOutbox(),
      clock,
      log,
    });
  }

  /** Alerts end in the log, so that they are not lost without a word. */
  function logSink(): AlertSink {
    return {
      async raise(alert) {
        log.warn({ alert: alert.code, severity: alert.severity, figures: alert.figures }, alert.text);
      },
      publishState: () => undefined,
    };
  }
}
