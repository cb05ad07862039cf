import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { sendTestAlerts, type TestAlertResult } from '../../adapters/mqtt/index.js';
import { postToNtfy } from '../../adapters/ntfy/index.js';
import { mqttCredentials, ntfyCredentials } from '../../config/credentials.js';
import { loadConfig } from '../../config/load.js';
import { pathsOf } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import type { CommandIo } from '../../console/io.js';
import { table } from '../../console/terminal.js';
import { type Alert, createAlertIds, createAlertRaiser } from '../../core/alert.js';
import { ALERT_CATALOGUE } from '../../core/alert-catalogue.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { type Command, parseOptions, required } from '../command.js';
import { configFrom } from '../config-option.js';
import { defaultGuardSocket, reportServiceEnd } from '../run/trader-end.js';

const HELP = `Usage: redbutton alert test --config FILE [--timeout SECONDS] [--json]
       redbutton alert job-failed NAME --config FILE
       redbutton alert trader-ended [--config FILE]

test sends one alert of each severity over every way that alerts.sinks names, and
waits for each acknowledgement. It may run beside the service. job-failed says in
the same way that a job of the box failed: its timers use it. trader-ended passes
systemd's word on how the trader ended to the guard, which reports a trader that
stays away: the trader's unit uses it.

  --config FILE      the configuration
  --timeout SECONDS  how long to wait for each way (10)
  --json             print the result as JSON

User and password come from the credentials mqtt-username and mqtt-password
($CREDENTIALS_DIRECTORY, or REDBUTTON_MQTT_USERNAME and
REDBUTTON_MQTT_PASSWORD in the environment), ntfy's topic and token likewise
from ntfy-topic and ntfy-token.

Exit codes: 0 acknowledged, 1 a way cannot be reached or refuses,
2 wrong usage or bad configuration.
`;

export const command: Command = {
  name: 'alert',
  summary: 'send a test alert of each severity and wait for its acknowledgement',
  help: HELP,
  async run(args, io) {
    const options = {
      config: { type: 'string' },
      timeout: { type: 'string' },
      json: { type: 'boolean' },
    } as const;
    if (args.includes('trader-ended')) return traderEnded(args, io);
    const words = args.includes('job-failed') ? ['job-failed', 'NAME'] : ['test'];
    const { values, positionals } = parseOptions('alert', args, options, words);
    const [what, job] = positionals;
    if (what !== words[0]) {
      throw badInput('E_USAGE', `alert: unknown word "${what}"`, 'see redbutton alert --help');
    }
    const timeoutMs = secondsToMs(values.timeout ?? '10');
    const config = loadConfig(required('alert', 'config', values.config));
    const clock = createSystemClock();
    const alerts: Alert[] = [];
    const collect = { raise: async (alert: Alert) => void alerts.push(alert) };
    const nextId = createAlertIds(config.device.name, clock, { next: Math.random });
    const raiser = createAlertRaiser(ALERT_CATALOGUE, clock, collect, nextId);
    if (job !== undefined) await raiser.raise('JOB_FAILED', { job });
    else {
      await raiser.raise('TEST_INFO', {});
      await raiser.raise('TEST_WARNING', {});
      await raiser.raise('TEST_CRITICAL', {});
    }
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
    if (sinks.includes('ntfy'))
      results.push(...(await sendOverNtfy(config, io.env, alerts, clock, timeoutMs)));
    if (values.json) {
      io.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
      return EXIT.fine;
    }
    const rows = results.map(({ severity, topic, acknowledgedAfterMs, heard }) => [
      severity,
      topic,
      `${acknowledgedAfterMs.toFixed(1)} ms`,
      heard === null ? '-' : heard ? 'subscribed' : 'nobody is subscribed',
    ]);
    io.stdout.write(table([['severity', 'topic', 'acknowledged', 'phone'], ...rows], [2]));
    return EXIT.fine;
  },
};

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

function secondsToMs(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw badInput(
      'E_USAGE',
      `alert: --timeout is "${text}", expected seconds above 0 and at most 3600`,
      'see redbutton alert --help',
    );
  }
  return seconds * 1000;
}

async function traderEnded(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseOptions('alert', args, { config: { type: 'string' } }, ['trader-ended']);
  await reportServiceEnd(guardSocketOf(values.config), io.env);
  return EXIT.fine;
}

/** The trader may have ended since its configuration cannot be read. */
function guardSocketOf(option: string | undefined): string {
  try {
    return pathsOf(configFrom(option).device).guardSocket;
  } catch {
    return defaultGuardSocket();
  }
}
