import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { pathsOf } from '../../config/paths.js';
import { RedbuttonError } from '../../core/errors.js';
import type { GuardStatus } from '../../guard/status.js';
import { type Check, type Finding, failed, findingOf, ok, unchecked, warning } from './finding.js';
import { chipFinding, linesByGuard, linesByHand } from './gpio-lines.js';

const run = promisify(execFile);
const UNITS = ['redbutton-guard.service', 'redbutton-gate.service', 'redbutton.service'] as const;
/** The design's limit; see test/systemd. */
const EXPOSURE_MAX = 1.9;
const ANALYZE_MS_MAX = 30_000;

/** The guard, its lines, and the trader: what answers, and what it says. */
export const processes: Check = {
  name: 'processes',
  async look(patient) {
    const paths = pathsOf(patient.config.device);
    const installed = existsSync(path.join(patient.unitDir, UNITS[0]));
    const chip = chipFinding(patient);
    let guard: GuardStatus | null = null;
    const findings: Finding[] = [chip];
    try {
      const { body } = await callControl(paths.guardSocket, 'the guard', 'GET', '/status');
      guard = body as GuardStatus;
      findings.push(guardFinding(guard), ...linesByGuard(guard));
    } catch (error) {
      findings.push(absent('guard', error, installed, 'sudo systemctl start redbutton-guard'));
      const nobody = error instanceof RedbuttonError && error.code === 'E_SOCKET_NOBODY';
      if (!nobody) findings.push(unchecked('button', 'the guard holds it', 'sudo redbutton doctor'));
      else if (chip.verdict !== 'failed') findings.push(...(await linesByHand(patient)));
    }
    try {
      const { body } = await callControl(paths.traderSocket, 'the trader', 'GET', '/status');
      const { tradingState = 'unknown' } = body as { tradingState?: string };
      findings.push(ok('trader', `answers; its state is ${tradingState}`));
    } catch (error) {
      findings.push(absent('trader', error, installed, 'sudo systemctl start redbutton'));
    }
    return findings;
  },
};

function guardFinding(status: GuardStatus): Finding {
  if (status.faults.length > 0) {
    return failed('guard', `answers, with a fault: ${status.faults.join('; ')}`, 'see redbutton status');
  }
  return ok('guard', `answers; its state is ${status.state}${status.armed ? ', armed' : ''}`);
}

function absent(check: string, error: unknown, installed: boolean, remedy: string): Finding {
  const nobody = error instanceof RedbuttonError && error.code === 'E_SOCKET_NOBODY';
  if (!nobody) return findingOf(check, error);
  const detail = `the ${check} is not running`;
  return installed
    ? failed(check, `${detail}: see journalctl -u redbutton*`, remedy)
    : warning(check, detail, remedy);
}

/** The installed units: there, as hardened as shipped, and restarted forever. */
export const units: Check = {
  name: 'units',
  async look({ unitDir }) {
    const findings: Finding[] = [];
    for (const unit of UNITS) findings.push(await unitFinding(unitDir, unit));
    return findings;
  },
};

async function unitFinding(unitDir: string, unit: string): Promise<Finding> {
  const check = `${/-(guard|gate)\./.exec(unit)?.[1] ?? 'trader'} unit`;
  const file = path.join(unitDir, unit);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return findingOf(check, error);
    return warning(check, `${file} is not there: not installed as a service`, 'sudo scripts/install');
  }
  if (!/^Restart=always$/m.test(text) || !/^StartLimitIntervalSec=0$/m.test(text)) {
    return failed(
      check,
      `${unit} is not restarted forever: a few crashes would leave the box dead`,
      'install the shipped unit again: sudo scripts/install',
    );
  }
  let output: string;
  try {
    const args = ['security', '--offline=true', '--no-pager', file];
    output = (await run('systemd-analyze', args, { timeout: ANALYZE_MS_MAX })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return unchecked(check, 'systemd-analyze is not here', 'sudo apt install systemd');
    return findingOf(check, error);
  }
  const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
  if (!(exposure <= EXPOSURE_MAX)) {
    return failed(
      check,
      `exposure ${exposure} by systemd-analyze security, above ${EXPOSURE_MAX}: its hardening was taken away`,
      'install the shipped unit again: sudo scripts/install',
    );
  }
  return ok(check, `exposure ${exposure} (at most ${EXPOSURE_MAX}), restarted forever`);
}
