import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { sendTestAlerts, type TestAlertResult } from '../../adapters/mqtt/index.js';
import { postToNtfy } from '../../adapters/ntfy/index.js';
import { mqttCredentials, ntfyCredentials } from '../../config/credentials.js';
import { loadConfig } from '../../config/load.js';
import { pathsOf } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { defineVerb, defineVerbs } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { type OptionTable, type ValuePlace, type Values, wrongUsage } from '../../console/option-table.js';
import { table } from '../../console/table.js';
import { type Alert, type Alerts, createAlertIds, createAlerts } from '../../core/alert.js';
import { ALERT_CATALOGUE } from '../../core/alert-catalogue.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';
import { defaultGuardSocket, reportServiceEnd } from '../run/trader-end.js';

const TEST_OPTIONS = {
  config: { value: 'FILE', help: 'the configuration', required: true, completes: 'file' },
  timeout: { value: 'SECONDS', help: 'how long to wait for each sink', default: '10', read: secondsToMs },
  json: { help: 'print the result as JSON' },
} as const satisfies OptionTable;

export const command = defineVerbs({
  name: 'alert',
  summary: 'send test alerts and wait until each is acknowledged',
  page: [
    `test sends one alert of each severity through every sink that alerts.sinks names, and
waits for each acknowledgement. It may run while the service does. job-failed says in
the same way that a job of the box failed: its timers use it. trader-ended passes
what systemd knows about the trader's end to the guard, which reports a trader
that stays away: the trader's unit uses it.`,
    TEST_OPTIONS,
    `User and password come from the credentials mqtt-username and mqtt-password
($CREDENTIALS_DIRECTORY, or REDBUTTON_MQTT_USERNAME and
REDBUTTON_MQTT_PASSWORD in the environment), ntfy's topic and token likewise
from ntfy-topic and ntfy-token.

Exit codes: 0 acknowledged, 1 a sink cannot be reached or does not accept it,
2 wrong usage or bad configuration.`,
  ],
  verbs: {
    test: defineVerb({
      options: TEST_OPTIONS,
      run: (values, io) =>
        sendAll(values, io, async (source) => {
          await source.raise('TEST_INFO', {});
          await source.raise('TEST_WARNING', {});
          await source.raise('TEST_CRITICAL', {});
        }),
    }),
    'job-failed': defineVerb({
      operands: { job: { value: 'NAME' } },
      options: TEST_OPTIONS,
      run: (values, io) =>
        sendAll(values, io, async (source) => void (await source.raise('JOB_FAILED', { job: values.job }))),
    }),
    'trader-ended': defineVerb({
      options: { config: CONFIG_OPTION },
      async run(values, io) {
        await reportServiceEnd(guardSocketOf(values.config), io.env);
        return EXIT.fine;
      },
    }),
  },
});

/** Raises alerts, sends them over every way, and prints when each was acknowledged. */
async function sendAll(
  values: Values<typeof TEST_OPTIONS>,
  io: CommandIo,
  raise: (source: Alerts) => Promise<void>,
): Promise<number> {
  const timeoutMs = values.timeout;
  const config = loadConfig(values.config);
  const clock = createSystemClock();
  const alerts: Alert[] = [];
  const collect = { raise: async (alert: Alert) => void alerts.push(alert) };
  const nextId = createAlertIds(config.device.name, clock, { next: Math.random });
  const source = createAlerts(ALERT_CATALOGUE, clock, collect, nextId);
  await raise(source);
  const { sinks } = config.alerts;
  const results: TestAlertResult[] = [];
  if (sinks.includes('mqtt')) {
    const sent = await sendTestAlerts({
      config: config.mqtt,
      credentials: mqttCredentials(io.env),
      device: config.device.name,
      clientSuffix: String(process.pid),
      alerts,
      clock,
      timeoutMs,
    });
    results.push(...sent);
  }
  if (sinks.includes('ntfy')) results.push(...(await sendOverNtfy(config, io.env, alerts, clock, timeoutMs)));
  if (values.json) {
    io.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    return EXIT.fine;
  }
  const rows = results.map(({ severity, topic, acknowledgedAfterMs, heard }) => [
    severity,
    topic,
    `${acknowledgedAfterMs.toFixed(1)} ms`,
    heard === null ? '-' : heard ? 'subscribed' : 'no one is subscribed',
  ]);
  io.stdout.write(table([['severity', 'topic', 'acknowledged', 'phone'], ...rows], [2]));
  return EXIT.fine;
}

async function sendOverNtfy(
  config: Config,
  env: CommandIo['env'],
  alerts: readonly Alert[],
  clock: Clock,
  timeoutMs: number,
): Promise<TestAlertResult[]> {
  const { topic, token } = ntfyCredentials(env);
  if (topic === undefined) throw badInput('E_NTFY_TOPIC', 'the credential ntfy-topic is not set', 'set it');
  const { url } = config.ntfy;
  const server = { url, topic, ...(token === undefined ? {} : { token }) };
  const results: TestAlertResult[] = [];
  for (const alert of alerts) {
    const { id, severity } = alert;
    const sentMs = clock.monotonicMs();
    const message = { severity, alerts: [alert], backlog: false };
    await postToNtfy(server, config.device.name, message, clock, AbortSignal.timeout(timeoutMs));
    const acknowledgedAfterMs = clock.monotonicMs() - sentMs;
    results.push({ severity, topic: `ntfy at ${new URL(url).host}`, id, acknowledgedAfterMs, heard: null });
  }
  return results;
}

function secondsToMs(text: string, { command, name }: ValuePlace): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600))
    throw wrongUsage(command, `${name} is "${text}", expected seconds above 0 and at most 3600`);
  return seconds * 1000;
}

/** The trader may have ended since its configuration cannot be read. */
function guardSocketOf(option: string | undefined): string {
  try {
    return pathsOf(configFrom(option).device).guardSocket;
  } catch {
    return defaultGuardSocket();
  }
}
