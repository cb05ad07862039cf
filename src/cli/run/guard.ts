import { journalPriority, type Severity } from '../../adapters/log/journal-priority.js';
import { accountOf } from '../../config/paths.js';
import { type Config, configSchema } from '../../config/schema.js';
import { packageVersion } from '../../console/package-version.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { GuardNotice } from '../../guard/guard.js';
import { runGuardProcess } from '../../guard/main.js';
import { severityOf } from '../../guard/notice-report.js';
import { createFollowingClock } from '../../simulator/index.js';
import { type Command, parseOptions } from '../command.js';
import { configFrom } from '../config-option.js';

type GuardConfig = Pick<
  Config,
  'mode' | 'device' | 'exchange' | 'guard' | 'gpio' | 'mqtt' | 'alerts' | 'ntfy'
>;

/** What holds without a file: `--run-dir` alone is enough to try a guard. */
const DEFAULTS: GuardConfig = {
  mode: 'paper',
  exchange: [],
  device: configSchema.shape.device.parse({}),
  guard: configSchema.shape.guard.parse({}),
  gpio: configSchema.shape.gpio.parse({}),
  mqtt: configSchema.shape.mqtt.parse({}),
  alerts: configSchema.shape.alerts.parse({}),
  ntfy: configSchema.shape.ntfy.parse({}),
};

/** The configuration, with what the options replace. */
function configOf(values: Readonly<Record<string, string | undefined>>): GuardConfig {
  const file = values.config;
  const base: GuardConfig =
    file !== undefined || values['run-dir'] === undefined ? configFrom(file) : DEFAULTS;
  const given = (name: string, key: string) => (values[name] === undefined ? {} : { [key]: values[name] });
  const gpio = configSchema.shape.gpio.safeParse({ ...base.gpio, ...given('gpio', 'backend') });
  if (!gpio.success) {
    throw badInput(
      'E_USAGE',
      'guard: --gpio is none of auto, onoff, chardev and simulated',
      'see redbutton guard --help',
    );
  }
  if (values.gpio === 'simulated' && base.gpio.backend !== 'simulated' && accountOf(base) === 'live') {
    throw badInput(
      'E_LIVE_BUTTON',
      'guard: --gpio simulated, and the configuration trades real money: there would be no button to stop it with',
      'leave --gpio out, or try it with mode = "paper" or sandbox = true',
    );
  }
  const device = { ...base.device, ...given('run-dir', 'runDir'), ...given('state-dir', 'stateDir') };
  return { ...base, device, gpio: gpio.data };
}

export const command: Command = {
  name: 'guard',
  summary: 'run the guard: button, LED, permit and halt record',
  help: `Usage: redbutton guard [--config FILE] [OPTION ...]

Runs the guard in the foreground until it is told to end. It owns the button and
the LED, gives the trader its permit, and keeps the record of the armed state.
Each thing that happens is printed as one line of JSON, and told to the phone where
[mqtt] or [alerts] name a way; the phone's halt ends here.

  --config FILE    the configuration (default /etc/redbutton/redbutton.toml;
                   none is read when only --run-dir is given)
  --run-dir DIR    sockets and permit, on tmpfs, in place of device.runDir
  --state-dir DIR  in place of device.stateDir; the armed record stands beside it
  --gpio NAME      auto, onoff, chardev or simulated, in place of
                   gpio.backend

Exit codes: 0 ended as told; 1 could not start, or another guard runs.
`,
  async run(args, io) {
    const { values } = parseOptions('guard', args, {
      config: { type: 'string' },
      'run-dir': { type: 'string' },
      'state-dir': { type: 'string' },
      gpio: { type: 'string' },
    });
    const atPriority = journalPriority(1, io.env);
    const say = (severity: Severity, line: GuardNotice | { readonly kind: string }) =>
      io.stdout.write(atPriority(severity, `${JSON.stringify(line)}\n`));
    const config = configOf(values);
    const venue = config.exchange.find(
      ({ restUrl, simulatedTime }) => restUrl !== undefined && simulatedTime,
    );
    // A simulated exchange has a time of its own, which the guard's own requests to it must bear.
    const following =
      config.mode === 'live' && venue ? await createFollowingClock(venue.restUrl!) : undefined;
    await runGuardProcess({
      config,
      ...(following && { exchangeClock: following }),
      env: io.env,
      version: packageVersion(),
      onNotice: (notice) => say(severityOf(notice.kind), notice),
      onLog: (level, fields, message) => say(level, { kind: 'alerts', ...{ level, ...fields, message } }),
      onReady: () => say('info', { kind: 'ready' }),
      signal: io.signal,
    }).finally(() => following?.stop());
    return EXIT.fine;
  },
};
