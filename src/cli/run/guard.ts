import { journalPriority, type Severity } from '../../adapters/log/journal-priority.js';
import { accountOf } from '../../config/paths.js';
import { type Config, configSchema } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import type { OptionTable, Values } from '../../console/option-table.js';
import { packageVersion } from '../../console/package-version.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { GuardNotice } from '../../guard/guard.js';
import { runGuardProcess } from '../../guard/main.js';
import { severityOf } from '../../guard/notice-report.js';
import { createFollowingClock } from '../../simulator/index.js';
import { CONFIG_OPTION, configFrom, DEFAULT_CONFIG_FILE } from '../config-option.js';

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

const OPTIONS = {
  config: {
    ...CONFIG_OPTION,
    otherwise: `${DEFAULT_CONFIG_FILE}; none is read when only --run-dir is given`,
  },
  'run-dir': {
    value: 'DIR',
    help: 'sockets and permit, on tmpfs, in place of device.runDir',
    completes: 'folder',
  },
  'state-dir': {
    value: 'DIR',
    help: 'in place of device.stateDir; the armed record is next to it',
    completes: 'folder',
  },
  gpio: {
    value: 'NAME',
    choices: ['auto', 'onoff', 'chardev', 'simulated'],
    help: 'in place of gpio.backend',
  },
} as const satisfies OptionTable;

/** The configuration, with what the options replace. */
function configOf(values: Values<typeof OPTIONS>): GuardConfig {
  const file = values.config;
  const base: GuardConfig =
    file !== undefined || values['run-dir'] === undefined ? configFrom(file) : DEFAULTS;
  if (values.gpio === 'simulated' && base.gpio.backend !== 'simulated' && accountOf(base) === 'live') {
    throw badInput(
      'E_LIVE_BUTTON',
      'guard: --gpio simulated, and the configuration trades real money: there would be no button to stop it with',
      'leave --gpio out, or try it with mode = "paper" or sandbox = true',
    );
  }
  const { device, gpio } = base;
  return {
    ...base,
    device: {
      ...device,
      runDir: values['run-dir'] ?? device.runDir,
      stateDir: values['state-dir'] ?? device.stateDir,
    },
    gpio: { ...gpio, backend: values.gpio ?? gpio.backend },
  };
}

export const command = defineCommand({
  name: 'guard',
  summary: 'run the guard: button, LED, permit and halt record',
  about: `Runs the guard in the foreground until it is stopped (SIGTERM, SIGINT). It owns
the button and the LED, gives the trader its permit, and keeps the record of the
armed state. Each event is printed as one line of JSON, and sent to the phone
where [mqtt] or [alerts] is configured; a halt from the phone arrives here.`,
  options: OPTIONS,
  more: 'Exit codes: 0 stopped on request; 1 could not start, or another guard runs.',
  async run(values, io) {
    const atPriority = journalPriority(1, io.env);
    const say = (severity: Severity, line: GuardNotice | { readonly kind: string }) =>
      io.stdout.write(atPriority(severity, `${JSON.stringify(line)}\n`));
    const config = configOf(values);
    const exchange = config.exchange.find(
      ({ restUrl, simulatedTime }) => restUrl !== undefined && simulatedTime,
    );
    // A simulated exchange has a time of its own, which the guard's own requests to it must bear.
    const following =
      config.mode === 'live' && exchange ? await createFollowingClock(exchange.restUrl!) : undefined;
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
});
