import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { buildNext, pendingUpgrades, systemsOf, writableBoot } from '../../box/os-update/build-next.js';
import {
  forgetAttempt,
  noteAttempt,
  readAttempt,
  type Settlement,
  settleNext,
} from '../../box/os-update/settle-next.js';
import { tellPhone } from '../../box/os-update/tell-phone.js';
import { type Refusal, refusalOf } from '../../box/os-update/window.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import type { ValuePlace } from '../../console/option-table.js';
import { whole } from '../../console/option-values.js';
import { EXIT, fault, messageOf, RedbuttonError } from '../../core/errors.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

const NAME = 'os-update';
const STATE = '/data/os-update';
const BOOT = '/boot/firmware';
const SOUND_WITHIN_MS = 5 * 60_000;
const run = promisify(execFile);
const clock = createSystemClock();

const hour = (text: string, place: ValuePlace) => whole(0, 24)(text, place) % 24;

export const command = defineCommand({
  name: NAME,
  summary: "bring Debian's security updates to a flashed box, and start it anew",
  usage: ['[--from HOUR] [--to HOUR] [--now] [--anyway] [--config FILE]', '--check', '--settle'],
  about: `A flashed box has two systems. The one that runs is never written: it is copied
into the other one, which is upgraded there while trading goes on. Then, with no
position open and within the window, the phone is told and the new system is
started, once on trial. Where guard and trader run in it, it stays; where it does
not start or they do not run, the box falls back to the old one by itself.`,
  options: {
    from: {
      value: 'HOUR',
      help: 'local hour from which the box may be started anew',
      default: '3',
      read: hour,
    },
    to: { value: 'HOUR', help: 'the first hour in which it may not', default: '5', read: hour },
    now: { help: 'whatever the hour; open positions still forbid it' },
    anyway: {
      help: 'though there is nothing to upgrade: makes the second system the same as this one, and starts it',
    },
    check: { help: 'only say what there is' },
    settle: { help: 'keep or give up the system on trial (done at each start)' },
    config: CONFIG_OPTION,
  },
  more: 'Exit codes: 0 starting anew, nothing to do, or not now; 1 failed.',
  async run(values, io) {
    const say = (line: string) => void io.stdout.write(`${line}\n`);
    const config = configFrom(values.config);
    if (values.settle) return settle(config, io, say);
    const { from: fromHour, to: toHour } = values;
    const systems = await systemsOf();
    if (values.check) return check(say);

    const refused = async (): Promise<Refusal | null> => {
      const hourNow = new Date(clock.wallMs()).getHours();
      const positions = await positionsOf(config);
      return refusalOf({
        hour: hourNow,
        fromHour: values.now ? 0 : fromHour,
        toHour: values.now ? 0 : toHour,
        positions,
      });
    };
    const early = await refused();
    if (early !== null) return notNow(early, say);
    const packages = await pendingUpgrades();
    if (packages.length === 0 && !values.anyway) return check(say, packages);
    say(`${packages.length} packages to upgrade: ${packages.join(', ')}`);
    await buildNext(systems, say);
    // Building took minutes, in which the trader went on.
    const late = await refused();
    if (late !== null) return notNow(late, say);
    await noteAttempt(STATE, { slot: systems.next, packages, atMs: clock.wallMs() });
    await tell(config, io, 'OS_UPDATE_RESTART', { packages: packages.length });
    say(`starting system ${systems.next} on trial`);
    await run('systemctl', ['reboot', '--reboot-argument=0 tryboot']);
    return EXIT.fine;
  },
});

async function check(say: (line: string) => void, known?: readonly string[]): Promise<number> {
  const packages = known ?? (await pendingUpgrades());
  say(packages.length === 0 ? 'the system is up to date' : packages.join('\n'));
  return EXIT.fine;
}

function notNow(refusal: Refusal, say: (line: string) => void): number {
  say(`not now (${refusal.reason}): ${refusal.detail}`);
  return EXIT.fine;
}

async function settle(config: Config, io: CommandIo, say: (line: string) => void): Promise<number> {
  if ((await readAttempt(STATE)) === null) return EXIT.fine;
  const kernelCommandLine = await readFile('/proc/cmdline', 'utf8');
  let settlement: Settlement = { outcome: 'none' };
  const soundness = () => whatIsWrong(io.signal);
  await writableBoot(async () => {
    settlement = await settleNext(STATE, BOOT, kernelCommandLine, soundness);
  });
  return conclude(settlement, config, io, say);
}

async function conclude(
  settlement: Settlement,
  config: Config,
  io: CommandIo,
  say: (line: string) => void,
): Promise<number> {
  switch (settlement.outcome) {
    case 'none':
      return EXIT.fine;
    case 'kept':
      say(`system ${settlement.attempt.slot} is sound and stays`);
      await forgetAttempt(STATE);
      await tell(config, io, 'OS_UPDATED', { packages: settlement.attempt.packages.length });
      return EXIT.fine;
    case 'fallen_back':
      await forgetAttempt(STATE);
      await tell(config, io, 'OS_UPDATE_FAILED', { packages: settlement.attempt.packages.length });
      throw fault(
        'E_OS_FELL_BACK',
        `system ${settlement.attempt.slot} did not prove itself; the old one runs`,
        'see /data/log/warnings.log; it is tried again at the next update',
      );
    case 'unsound':
      say(`system ${settlement.attempt.slot} is not sound (${settlement.detail}); going back to the old one`);
      await run('systemctl', ['reboot']);
      return EXIT.failed;
  }
}

/** Guard and trader must run; they get some minutes for it. Null: they do. */
async function whatIsWrong(signal: AbortSignal): Promise<string | null> {
  const endMs = clock.monotonicMs() + SOUND_WITHIN_MS;
  for (;;) {
    const answer = await run('systemctl', ['is-active', 'redbutton-guard.service', 'redbutton.service']).then(
      () => null,
      (error: { stdout?: string }) =>
        `guard and trader: ${(error.stdout ?? '').trim().split('\n').join(', ')}`,
    );
    if (answer === null || clock.monotonicMs() > endMs) return answer;
    await clock.sleep(5000, signal);
  }
}

async function positionsOf(config: Config): Promise<Readonly<Record<string, number | null>> | null> {
  try {
    const { body } = await callControl(boxPaths(config).traderSocket, 'the trader', 'GET', '/status');
    const { positions } = body as { positions?: Readonly<Record<string, number | null>> };
    return positions ?? null;
  } catch (error) {
    if (error instanceof RedbuttonError) return null;
    throw error;
  }
}

async function tell(
  config: Config,
  io: CommandIo,
  code: 'OS_UPDATE_RESTART' | 'OS_UPDATED' | 'OS_UPDATE_FAILED',
  figures: { readonly packages: number },
): Promise<void> {
  const failed = await tellPhone(config, io.env, clock, code, figures).catch((error) => [messageOf(error)]);
  for (const why of failed) io.stderr.write(`redbutton: the phone was not told: ${why}\n`);
}
