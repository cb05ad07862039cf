import { readFileSync, realpathSync } from 'node:fs';
import type { Gpio as OnoffLine } from 'onoff';
import { fault, messageOf } from '../../core/errors.js';
import type { Gpio } from '../../ports/gpio.js';
import type { Clock } from '../../ports/time.js';
import type { DescriptorStore } from '../systemd/descriptor-store.js';
import { keptName, takeKept } from './kept-line.js';
import { loadGpioAddon } from './line-addon.js';
import { exportLine, findLine, type LineNote, lineFile, SYSFS_GPIO, unexportLine } from './sysfs-lines.js';
import { openValueFile } from './value-file.js';

export interface OnoffGpioOptions {
  readonly chipLabels: readonly string[];
  readonly note: LineNote;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** Where lines are kept that are to outlive this process; null where there is no such place. */
  readonly store: DescriptorStore | null;
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

  const open = async (offset: number, use: 'in' | 'out', isKept = false) => {
    const onoff = await loadOnoff();
    const number = findLine(root, chipLabels, offset);
    const files =
      use === 'in' ? ['value', 'direction', 'edge', 'active_low'] : ['value', 'direction', 'active_low'];
    await exportLine(root, number, files, note, clock, isKept);
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
  /** A `value` file that was kept open, when it is still that of this line. */
  const adopt = (descriptor: number, offset: number) => {
    let file: string;
    try {
      file = realpathSync(lineFile(root, findLine(root, chipLabels, offset), 'value'));
    } catch {
      // The line is not exported any more: what was open is of a line that is gone.
      file = '';
    }
    return loadGpioAddon().gpioAdoptValueFile(descriptor, file);
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
    async input(offset, kept = false) {
      const name = keptName(offset);
      const store = kept ? options.store : null;
      const found = store && takeKept(store, offset, (descriptor) => adopt(descriptor, offset));
      const { line, number } = await open(offset, 'in', found !== null);
      const file = lineFile(root, number, 'value');
      // onoff takes anything but "1" for 0, which a closed contact reads as; an odd answer must trip instead.
      const value = openValueFile(file);
      // sysfs has no queue, but an open file remembers that there was an edge since it was last read. This one is read when
      // an edge has been acted on, and nobody else reads it.
      const memory = found?.line ?? (store && loadGpioAddon().gpioValueFile(file));
      if (memory && found === null) {
        memory.takeEdge();
        store?.keep(name, memory.descriptor());
      }
      return {
        read: () => value.read(),
        onEdge(callback) {
          if (memory?.edgeWaits()) memory.takeEdge();
          line.watch((error, level) => {
            callback(error ?? null, level);
            if (memory?.edgeWaits()) memory.takeEdge();
          });
        },
        lookEvery: (periodMs, callback) => value.lookEvery(periodMs, callback),
        ...(found && { moved: () => found.moved }),
        ...(memory && {
          // It stays exported, so that the kernel goes on to note edges; the next process takes it over.
          leave() {
            line.unwatchAll();
            value.close();
            memory.close();
          },
        }),
        close() {
          value.close();
          memory?.close();
          store?.forget(name);
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
