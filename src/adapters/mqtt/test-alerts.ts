import { setImmediate } from 'node:timers/promises';
import type { Alert } from '../../core/alert.js';
import { badInput, fault, messageOf, type RedbuttonError } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { alertPayload } from '../alert-delivery/alert-payload.js';
import { openClientId } from './client-id.js';
import type { MqttConfig, MqttCredentials } from './connect-options.js';
import type { LinkFailure } from './failure-notice.js';
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
  const broker = config.url;
  let failure: LinkFailure = {
    sentence: `the broker ${broker} did not answer within ${options.timeoutMs} ms`,
    detail: '',
    remedy: 'check that it runs, and mqtt.url, port and firewall',
  };
  let isUp = () => {};
  const up = new Promise<void>((resolve) => {
    isUp = resolve;
  });
  const log = { info: () => {}, warn: () => {}, error: () => {} };
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
    onFailure: (latest) => {
      failure = latest;
    },
  });
  const patience = new AbortController();
  const late = clock.sleep(options.timeoutMs, patience.signal).then(
    () => {
      throw notDelivered(failure);
    },
    () => new Promise<never>(() => {}),
  );
  /** Of a connection that ended over it, the link says why in a moment. */
  async function refused(topic: string, error: unknown): Promise<never> {
    const before = failure;
    await setImmediate();
    if (failure !== before) throw notDelivered(failure);
    throw notDelivered({
      sentence: `the broker ${broker} refuses an alert on ${topic}`,
      detail: messageOf(error),
      remedy: 'allow writing it in the broker’s access list; for a packet limit, raise it',
    });
  }
  link.start();
  try {
    await Promise.race([up, late]);
    const results: TestAlertResult[] = [];
    for (const alert of options.alerts) {
      const topic = topics.alert(alert.severity);
      const message = { severity: alert.severity, alerts: [alert], backlog: false };
      const sentMs = clock.monotonicMs();
      const payload = JSON.stringify(alertPayload(device, message, clock.wallMs()));
      const publish = link.publish(topic, payload, false).catch((error: unknown) => refused(topic, error));
      const { heard } = await Promise.race([publish, late]);
      const acknowledgedAfterMs = clock.monotonicMs() - sentMs;
      results.push({ severity: alert.severity, topic, id: alert.id, acknowledgedAfterMs, heard });
    }
    return results;
  } finally {
    patience.abort(new Error('done'));
    await link.stop();
  }
}

function notDelivered({ sentence, detail, remedy }: LinkFailure): RedbuttonError {
  return fault(
    'E_MQTT_TEST',
    detail === '' ? sentence : `${sentence} (${detail})`,
    remedy.replace(/\.$/, ''),
  );
}
