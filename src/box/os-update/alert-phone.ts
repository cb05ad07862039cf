import { sendTestAlerts } from '../../adapters/mqtt/index.js';
import { postToNtfy } from '../../adapters/ntfy/index.js';
import { mqttCredentials, ntfyCredentials } from '../../config/credentials.js';
import type { Config } from '../../config/schema.js';
import { type Alert, createAlertIds, createAlerts } from '../../core/alert.js';
import { ALERT_CATALOGUE, type AlertCode, type FiguresOf } from '../../core/alert-catalogue.js';
import { messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';

const TIMEOUT_MS = 20_000;

/**
 * Tells the phone one thing over every way the configuration names, from a client of its own, since guard and trader may
 * be on their way down. Resolves to what did not work, a sentence each: an update does not wait for a broker.
 */
export async function alertPhone<C extends AlertCode>(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  code: C,
  figures: FiguresOf<C>,
): Promise<readonly string[]> {
  const alerts: Alert[] = [];
  const keep = { raise: async (alert: Alert) => void alerts.push(alert) };
  const ids = createAlertIds(config.device.name, clock, { next: Math.random });
  await createAlerts(ALERT_CATALOGUE, clock, keep, ids).raise(code, figures);
  const failed: string[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    await work().catch((error: unknown) => failed.push(messageOf(error)));
  };
  const { name } = config.device;
  const { sinks } = config.alerts;
  if (sinks.includes('mqtt') && config.mqtt.url !== undefined) {
    const credentials = mqttCredentials(env);
    const clientSuffix = `os-update-${process.pid}`;
    await attempt(() =>
      sendTestAlerts({
        ...{ config: config.mqtt, credentials, device: name, clientSuffix, alerts, clock },
        timeoutMs: TIMEOUT_MS,
      }),
    );
  }
  const { topic, token } = ntfyCredentials(env);
  if (sinks.includes('ntfy') && topic !== undefined) {
    const server = { url: config.ntfy.url, topic, ...(token && { token }) };
    for (const alert of alerts) {
      const message = { severity: alert.severity, alerts: [alert], backlog: false };
      await attempt(() => postToNtfy(server, name, message, clock, AbortSignal.timeout(TIMEOUT_MS)));
    }
  }
  return failed;
}
