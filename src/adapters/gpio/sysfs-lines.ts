import { accessSync, constants, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fault, messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';

export const SYSFS_GPIO = '/sys/class/gpio';

/** One bank of lines as sysfs shows it. The base differs by kernel and board, so it is always looked up. */
export interface SysfsChip {
  readonly label: string;
  readonly base: number;
  readonly count: number;
}

/** All chips below `root`; none where sysfs has no GPIO at all (`E_GPIO_SYSFS`). */
export function listChips(root: string): readonly SysfsChip[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch (error) {
    throw fault(
      'E_GPIO_SYSFS',
      `this kernel shows no GPIO at ${root}: ${messageOf(error)}`,
      'use a kernel with CONFIG_GPIO_SYSFS, or gpio.backend = "simulated" on a machine without GPIO',
      error,
    );
  }
  const read = (name: string, file: string) => readFileSync(join(root, name, file), 'utf8').trim();
  const chips = names
    .filter((name) => /^gpiochip\d+$/.test(name))
    .map((name) => ({
      label: read(name, 'label'),
      base: Number(read(name, 'base')),
      count: Number(read(name, 'ngpio')),
    }));
  return chips.sort((a, b) => a.base - b.base);
}

/** The number sysfs gives to the line at `offset` of the one chip that bears one of `labels`. */
export function findLine(root: string, labels: readonly string[], offset: number): number {
  const chips = listChips(root);
  const found = chips.filter((chip) => labels.includes(chip.label));
  const [chip] = found;
  if (chip === undefined || found.length > 1) {
    const seen =
      chips.length === 0 ? 'none' : chips.map(({ label, base }) => `${label} (base ${base})`).join(', ');
    throw fault(
      'E_GPIO_CHIP',
      `${chip === undefined ? 'no' : 'more than one'} GPIO chip is labelled ${labels.join(' or ')}; there are: ${seen}`,
      'name the right label in gpio.chipLabels',
    );
  }
  if (!Number.isInteger(offset) || offset < 0 || offset >= chip.count || !Number.isInteger(chip.base)) {
    throw fault(
      'E_GPIO_LINE',
      `line ${offset} is not on ${chip.label}, which has lines 0 to ${chip.count - 1}`,
      'correct the line number in [gpio]',
    );
  }
  return chip.base + offset;
}

/** Who exported which lines; kept beside the permit, so that lines left by a dead guard are known as such. */
export interface LineNote {
  /** True when the line was exported by a process of ours that is dead now. */
  leftBehind(number: number): boolean;
  add(number: number): void;
  remove(number: number): void;
}

/** The files of an exported line, and what has to be writable for its use. */
export function lineFile(root: string, number: number, file: string): string {
  return join(root, `gpio${number}`, file);
}

/** Takes the line back from sysfs. Fails when it cannot. */
export function unexportLine(root: string, number: number): void {
  writeFileSync(join(root, 'unexport'), String(number));
}

const PERMISSION_MS_MAX = 2_000;
const PERMISSION_POLL_MS = 10;

/**
 * Exports a line and waits until udev has made its files ours. A line exported already is taken over when a dead
 * process of ours left it, else it belongs to somebody: `E_GPIO_BUSY`. One that is `isKept` stays exported as it is, since it
 * remembers its edges.
 */
export async function exportLine(
  root: string,
  number: number,
  files: readonly string[],
  note: LineNote,
  clock: Pick<Clock, 'monotonicMs' | 'sleep'>,
  isKept = false,
): Promise<void> {
  const isThere = existsSync(lineFile(root, number, ''));
  if (isThere && !isKept) {
    if (!note.leftBehind(number)) {
      throw fault(
        'E_GPIO_BUSY',
        `GPIO line ${number} is exported already, and not by a guard`,
        `stop what uses it, then: echo ${number} > ${join(root, 'unexport')}`,
      );
    }
    tryWrite(join(root, 'unexport'), number, 'give back');
  }
  if (!isThere || !isKept) tryWrite(join(root, 'export'), number, 'export');
  note.add(number);
  const untilMs = clock.monotonicMs() + PERMISSION_MS_MAX;
  for (const file of files) {
    const path = lineFile(root, number, file);
    while (!writable(path)) {
      if (clock.monotonicMs() >= untilMs) {
        throw fault(
          'E_GPIO_DENIED',
          `${path} did not become writable in ${PERMISSION_MS_MAX / 1000} s`,
          'install the udev rule for the gpio group and run the guard as a member of it',
        );
      }
      await clock.sleep(PERMISSION_POLL_MS);
    }
  }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function tryWrite(path: string, number: number, verb: string): void {
  try {
    writeFileSync(path, String(number));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') {
      throw fault(
        'E_GPIO_BUSY',
        `GPIO line ${number} is held by the kernel or another program`,
        'stop what uses it',
        error,
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw fault(
        'E_GPIO_DENIED',
        `not allowed to ${verb} GPIO line ${number} at ${path}`,
        'run the guard as a member of the gpio group',
        error,
      );
    }
    throw fault(
      'E_GPIO_LINE',
      `cannot ${verb} GPIO line ${number} at ${path}: ${messageOf(error)}`,
      'look at the line number in [gpio]',
      error,
    );
  }
}
