import { readFileSync } from 'node:fs';
import type { Gpio as OnoffLine } from 'onoff';
import { fault, messageOf } from '../../core/errors.js';
import type { Clock, Gpio } from '../../ports.js';
import { exportLine, findLine, type LineNote, lineFile, SYSFS_GPIO, unexportLine } from './sysfs-lines.js';
import { openValueFile } from './value-file.js';

export interface OnoffGpioOptions {
  readonly chipLabels: readonly string[];
  readonly note: LineNote;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
}

type Onoff = typeof import('onoff');

/** onoff needs a compiled add-on, so it is an optional package, loaded only on a box that has lines to drive. */
async function loadOnoff(): Promise<Onoff> {
  try {
    return await import('onoff');
  } catch (error) {
    throw fault(
      'E_GPIO_ADDON',
      `the package onoff cannot be loaded: ${messageOf(error).split('\n').slice(0, 2).join(' ')}`,
      'run npm ci on this machine with its optional dependencies and a C++ compiler',
      error,
    );
  }
}

/**
 * Lines through sysfs. The number of a line is looked up by the chip's label, the export, the wait for udev, the strict
 * read and the looks are ours; edges and output levels go through onoff.
 */
export function createOnoffGpio(options: OnoffGpioOptions): Gpio {
  const { chipLabels, note, clock } = options;
  const root = SYSFS_GPIO;

  const open = async (offset: number, use: 'in' | 'out') => {
    const onoff = await loadOnoff();
    const number = findLine(root, chipLabels, offset);
    const files =
      use === 'in' ? ['value', 'direction', 'edge', 'active_low'] : ['value', 'direction', 'active_low'];
    await exportLine(root, number, files, note, clock);
    let line: OnoffLine | undefined;
    try {
      line =
        use === 'in'
          ? new onoff.Gpio(number, 'in', 'both', { activeLow: false })
          : new onoff.Gpio(number, 'low', 'none', { activeLow: false });
      // onoff keeps silent about settings it could not make on a line that was exported before it came.
      check(number, 'direction', use);
      check(number, 'active_low', '0');
      if (use === 'in') check(number, 'edge', 'both');
      return { line, number };
    } catch (error) {
      giveBack(number, line);
      throw error;
    }
  };
  const check = (number: number, file: string, wanted: string) => {
    const found = readFileSync(lineFile(root, number, file), 'utf8').trim();
    if (found === wanted) return;
    throw fault(
      'E_GPIO_SETUP',
      `GPIO line ${number}: ${file} is ${found}, not ${wanted}`,
      'see whether another driver owns the line',
    );
  };
  const giveBack = (number: number, line: OnoffLine | undefined) => {
    try {
      if (line === undefined) unexportLine(root, number);
      else line.unexport();
    } finally {
      note.remove(number);
    }
  };

  return {
    backend: 'onoff',
    async input(offset) {
      const { line, number } = await open(offset, 'in');
      // onoff takes anything but "1" for 0, which a closed contact reads as; an odd answer must trip instead.
      const value = openValueFile(lineFile(root, number, 'value'));
      return {
        read: () => value.read(),
        onEdge(callback) {
          line.watch((error, level) => callback(error ?? null, level));
        },
        lookEvery: (periodMs, callback) => value.lookEvery(periodMs, callback),
        close() {
          value.close();
          giveBack(number, line);
        },
      };
    },
    async output(offset) {
      const { line, number } = await open(offset, 'out');
      return {
        write: (level) => line.writeSync(level),
        close: () => giveBack(number, line),
      };
    },
  };
}
