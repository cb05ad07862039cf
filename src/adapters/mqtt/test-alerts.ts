import type { Alert } from '../../core/alert.js';
import { badInput, fault } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { alertPayload } from '../alert-delivery/alert-payload.js';
import { openClientId } from './client-id.js';
import type { MqttConfig, MqttCredentials } from './connect-options.js';
import { MqttLink } from './link.js';
import { LINK_TIMES } from './link-options.js';
import { topicsOf } from './topics.js';

export interface TestAlertResult {
  readonly severity: string;
  /** The topic, or the server where the way has none that may be shown. */
  readonly topic: string;
  readonly id: string;
  readonly acknowledgedAfterMs: number;
  /** False where the broker says that nobody is subscribed; null where the way cannot tell. */
  readonly heard: boolean | null;
}

/**
 * Sends alerts from a client of its own, beside a running service, and waits for each acknowledgement. Rejects with
 * `E_MQTT_TEST` when the broker cannot be reached or stays silent for `timeoutMs`; the sentence says why.
 */
export async function sendTestAlerts(options: {
  readonly config: MqttConfig;
  readonly credentials: MqttCredentials;
  readonly device: string;
  readonly clientSuffix: string;
  readonly alerts: readonly Alert[];
  readonly clock: Clock;
  readonly timeoutMs: number;
}): Promise<readonly TestAlertResult[]> {
  const { clock, config, device } = options;
  if (config.url === undefined) {
    throw badInput('E_MQTT_URL', 'mqtt.url is not set', 'set it to mqtts://host:8883 or mqtt://host:1883');
  }
  const topics = topicsOf(device, 'trader');
  let why = `the broker ${config.url} did not answer within ${options.timeoutMs} ms`;
  const keep = (_fields: object, message: string) => {
    why = message.replace('; alerts wait.', '.');
  };
  let isUp = () => {};
  const up = new Promise<void>((resolve) => {
    isUp = resolve;
  });
  const log = { info: () => {}, warn: keep, error: keep };
  const link = new MqttLink({
    url: config.url,
    config,
    clientId: openClientId(`redbutton-${device}-test-${options.clientSuffix}`, undefined, log),
    credentials: options.credentials,
    availabilityTopic: undefined,
    subscriptions: [],
    clock,
    rng: { next: () => 0 },
    log,
    times: { ...LINK_TIMES, connectTimeoutMs: options.timeoutMs },
    onUp: () => isUp(),
    onDown: () => {},
    onMessage: () => {},
  });
  const patience = new AbortController();
  const late = clock.sleep(options.timeoutMs, patience.signal).then(
    () => {
      throw fault('E_MQTT_TEST', why, 'fix that and try again');
    },
    () => new Promise<never>(() => {}),
  );
  link.start();
  try {
    await Promise.race([up, late]);
    const results: TestAlertResult[] = [];
    for (const alert of options.alerts) {
      const topic = topics.alert(alert.severity);
      const message = { severity: alert.severity, alerts: [alert], backlog: false };
      const sentMs = clock.monotonicMs();
      const payload = JSON.stringify(alertPayload(device, message, clock.wallMs()));
      const { heard } = await Promise.race([link.publish(topic, payload, false), late]);
      const acknowledgedAfterMs = clock.monotonicMs() - sentMs;
      results.push({ severity: alert.severity, topic, id: alert.id, acknowledgedAfterMs, heard });
    }
    return results;
  } finally {
    patience.abort(new Error('done'));
    await link.stop();
  }
}
