import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { fault, messageOf, RedbuttonError } from '../../core/errors.js';
import { alertPhone } from './alert-phone.js';
import { buildNext, pendingUpgrades, systemsOf, writableBoot } from './build-next.js';
import { finishNext, forgetAttempt, type NextOutcome, noteAttempt, readAttempt } from './finish-next.js';
import { type Refusal, refusalOf } from './window.js';

const STATE = '/data/os-update';
const BOOT = '/boot/firmware';
const SOUND_WITHIN_MS = 5 * 60_000;
const run = promisify(execFile);
const clock = createSystemClock();

/** A box with two systems, one of which runs. */
export interface FlashedBox {
  readonly config: Config;
  /** With the credentials of the phone. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  say(line: string): void;
  warn(line: string): void;
}

/** When the box may be started again: from the first local hour to before the last one; always where they are equal. */
export interface UpdateWindow {
  readonly fromHour: number;
  readonly toHour: number;
  /** Also where there is nothing to upgrade. */
  readonly anyway: boolean;
}

/** Says what there is to upgrade. Throws where the box has no two systems. */
export async function checkSystem({ say }: Pick<FlashedBox, 'say'>): Promise<void> {
  await systemsOf();
  sayPending(await pendingUpgrades(), say);
}

function sayPending(packages: readonly string[], say: (line: string) => void): void {
  say(packages.length === 0 ? 'the system is up to date' : packages.join('\n'));
}

/** Upgrades the system that does not run and starts it on trial, unless it is not the time for it. */
export async function updateSystem(box: FlashedBox, window: UpdateWindow): Promise<void> {
  const { say } = box;
  const systems = await systemsOf();
  const early = await refusalNow(box, window);
  if (early !== null) return notNow(early, say);
  const packages = await pendingUpgrades();
  if (packages.length === 0 && !window.anyway) return sayPending(packages, say);
  say(`${packages.length} packages to upgrade: ${packages.join(', ')}`);
  await buildNext(systems, say);
  // Building took minutes, in which the trader went on.
  const late = await refusalNow(box, window);
  if (late !== null) return notNow(late, say);
  await noteAttempt(STATE, { slot: systems.next, packages, atMs: clock.wallMs() });
  await tell(box, 'OS_UPDATE_RESTART', { packages: packages.length });
  say(`starting system ${systems.next} on trial`);
  await run('systemctl', ['reboot', '--reboot-argument=0 tryboot']);
}

async function refusalNow(
  { config }: FlashedBox,
  { fromHour, toHour }: UpdateWindow,
): Promise<Refusal | null> {
  const hour = new Date(clock.wallMs()).getHours();
  return refusalOf({ hour, fromHour, toHour, positions: await positionsOf(config) });
}

function notNow(refusal: Refusal, say: (line: string) => void): void {
  say(`not now (${refusal.reason}): ${refusal.detail}`);
}

/** Keeps or gives up the system on trial; false where it is given up by starting the old one. */
export async function finishSystemUpdate(box: FlashedBox): Promise<boolean> {
  if ((await readAttempt(STATE)) === null) return true;
  const kernelCommandLine = await readFile('/proc/cmdline', 'utf8');
  let ended: NextOutcome = { outcome: 'none' };
  const soundness = () => whatIsWrong(box.signal);
  await writableBoot(async () => {
    ended = await finishNext(STATE, BOOT, kernelCommandLine, soundness);
  });
  return conclude(ended, box);
}

async function conclude(ended: NextOutcome, box: FlashedBox): Promise<boolean> {
  const { say } = box;
  switch (ended.outcome) {
    case 'none':
      return true;
    case 'kept':
      say(`system ${ended.attempt.slot} is sound and stays`);
      await forgetAttempt(STATE);
      await tell(box, 'OS_UPDATED', { packages: ended.attempt.packages.length });
      return true;
    case 'fallen_back':
      await forgetAttempt(STATE);
      await tell(box, 'OS_UPDATE_FAILED', { packages: ended.attempt.packages.length });
      throw fault(
        'E_OS_FELL_BACK',
        `system ${ended.attempt.slot} did not prove itself; the old one runs`,
        'see /data/log/warnings.log; it is tried again at the next update',
      );
    case 'unsound':
      say(`system ${ended.attempt.slot} is not sound (${ended.detail}); going back to the old one`);
      await run('systemctl', ['reboot']);
      return false;
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
  { config, env, warn }: FlashedBox,
  code: 'OS_UPDATE_RESTART' | 'OS_UPDATED' | 'OS_UPDATE_FAILED',
  figures: { readonly packages: number },
): Promise<void> {
  const failed = await alertPhone(config, env, clock, code, figures).catch((error) => [messageOf(error)]);
  for (const why of failed) warn(`redbutton: the phone was not alerted: ${why}`);
}
