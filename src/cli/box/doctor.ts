import path from 'node:path';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { openGpio } from '../../adapters/gpio/open-gpio.js';
import { examine } from '../../box/doctor/examine.js';
import type { Finding, Patient, Verdict } from '../../box/doctor/finding.js';
import { readCredential } from '../../config/credentials.js';
import { boxPaths } from '../../config/paths.js';
import { defineCommand } from '../../console/command.js';
import { COLUMNS, wrapped } from '../../console/wrap.js';
import { EXIT } from '../../core/errors.js';
import { unearnedOf } from '../../trader/earned-live.js';
import { CONFIG_OPTION, configFrom, DEFAULT_CONFIG_FILE } from '../config-option.js';

const VERDICT_WIDTH = 9;
const CHECK_WIDTH = 15;

export const command = defineCommand({
  name: 'doctor',
  summary: 'examine the box: wiring, clock, exchange, disk, model, …',
  about: `Checks all that the box needs, and says of each thing whether it is ok, a
warning or failed, with the remedy; "unchecked" is what could not be examined
from here. Run as root it sees everything; the services may run meanwhile. It
changes nothing, but it blinks the LED (where no guard runs) and sends one test
alert to the broker.`,
  options: {
    config: CONFIG_OPTION,
    quick: { help: 'no blinking and no test alert' },
    json: { help: 'every finding as JSON' },
  },
  more: `Secrets are read from the folder credentials next to the configuration, or from
the environment (see redbutton run --help).

Exit codes: 0 nothing failed, 1 something did, 2 bad configuration.`,
  async run(values, io) {
    const config = configFrom(values.config);
    const configFile = path.resolve(values.config ?? DEFAULT_CONFIG_FILE);
    const credentialsDir = path.join(path.dirname(configFile), 'credentials');
    const clock = createSystemClock();
    const { backend } = config.gpio;
    const patient: Patient = {
      config,
      configFile,
      clock,
      credentialsDir,
      credential: (name) => readCredential(name, { CREDENTIALS_DIRECTORY: credentialsDir, ...io.env }),
      unearned: (but) => unearnedOf(config, but),
      unitDir: '/etc/systemd/system',
      sysDir: '/sys',
      procDir: '/proc',
      bootDir: '/boot/firmware',
      openLines: () =>
        openGpio(
          { ...config.gpio, backend: backend === 'simulated' ? 'auto' : backend },
          `${boxPaths(config).permit}.lines`,
          clock,
        ),
      quick: values.quick,
    };
    const show = (finding: Finding) => {
      if (!values.json) io.stdout.write(findingText(finding));
    };
    const findings = await examine(patient, show, io.signal);
    if (values.json) io.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
    else io.stdout.write(`\n${summaryText(findings)}\n`);
    return findings.some(({ verdict }) => verdict === 'failed') ? EXIT.failed : EXIT.fine;
  },
});

/** A finding as lines of at most 80 columns; the remedy stands below. */
export function findingText({ verdict, check, detail, remedy }: Finding): string {
  const head = `${(verdict === 'failed' ? 'FAILED' : verdict).padEnd(VERDICT_WIDTH)}  ${check.padEnd(CHECK_WIDTH)}  `;
  const indent = ' '.repeat(head.length);
  const room = COLUMNS - head.length;
  const lines = wrapped(detail, room).map((line, i) => (i === 0 ? head : indent) + line);
  if (remedy !== null) {
    lines.push(...wrapped(remedy, room - 3).map((line, i) => `${indent}${i === 0 ? '→ ' : '  '}${line}`));
  }
  return `${lines.join('\n')}\n`;
}

function summaryText(findings: readonly Finding[]): string {
  const count = (wanted: Verdict) => findings.filter(({ verdict }) => verdict === wanted).length;
  const words = [`${count('ok')} ok`, `${count('warning')} warnings`, `${count('failed')} failed`];
  if (count('unchecked') > 0) words.push(`${count('unchecked')} could not be checked`);
  return words.join(', ');
}
