import { readFileSync, realpathSync } from 'node:fs';
import type { Gpio as OnoffLine } from 'onoff';
import { fault, messageOf } from '../../core/errors.js';
import type { Gpio, InputLine, OutputLine } from '../../ports/gpio.js';
import type { Clock } from '../../ports/time.js';
import type { DescriptorStore } from '../systemd/descriptor-store.js';
import { keptName, takeKept } from './kept-line.js';
import { type AddonLine, loadGpioAddon } from './line-addon.js';
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
export class OnoffGpio implements Gpio {
  readonly backend = 'onoff';
  readonly #options: OnoffGpioOptions;

  constructor(options: OnoffGpioOptions) {
    this.#options = options;
  }

  async input(offset: number, kept = false): Promise<InputLine> {
    const store = kept ? this.#options.store : null;
    const found = store && takeKept(store, offset, (descriptor) => this.#adopt(descriptor, offset));
    const { line, number } = await this.#open(offset, 'in', found !== null);
    const file = lineFile(SYSFS_GPIO, number, 'value');
    // onoff takes anything but "1" for 0, which a closed contact reads as; an odd answer must trip instead.
    const value = openValueFile(file);
    // sysfs has no queue, but an open file remembers that there was an edge since it was last read. This one is read when
    // an edge has been acted on, and nobody else reads it.
    const memory = found?.line ?? (store && loadGpioAddon().gpioValueFile(file));
    if (memory && found === null) {
      memory.takeEdge();
      store?.keep(keptName(offset), memory.descriptor());
    }
    const takeEdge = () => {
      if (memory?.edgeWaits()) memory.takeEdge();
    };
    return {
      read: () => value.read(),
      onEdge(callback) {
        takeEdge();
        line.watch((error, level) => {
          callback(error ?? null, level);
          takeEdge();
        });
      },
      lookEvery: (periodMs, callback) => value.lookEvery(periodMs, callback),
      ...(found && { moved: () => found.moved }),
      ...(memory && {
        // It stays exported, so that the kernel continues to note edges; the next process takes it over.
        leave() {
          line.unwatchAll();
          value.close();
          memory.close();
        },
      }),
      close: () => {
        value.close();
        memory?.close();
        store?.forget(keptName(offset));
        this.#giveBack(number, line);
      },
    };
  }

  async output(offset: number): Promise<OutputLine> {
    const { line, number } = await this.#open(offset, 'out');
    return {
      write: (level) => line.writeSync(level),
      close: () => this.#giveBack(number, line),
    };
  }

  async #open(offset: number, use: 'in' | 'out', isKept = false) {
    const { chipLabels, note, clock } = this.#options;
    const onoff = await loadOnoff();
    const number = findLine(SYSFS_GPIO, chipLabels, offset);
    const files =
      use === 'in' ? ['value', 'direction', 'edge', 'active_low'] : ['value', 'direction', 'active_low'];
    await exportLine(SYSFS_GPIO, number, files, note, clock, isKept);
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
      this.#giveBack(number, line);
      throw error;
    }
  }

  /** A `value` file that was kept open, when it is still that of this line. */
  #adopt(descriptor: number, offset: number): AddonLine | null {
    let file: string;
    try {
      const number = findLine(SYSFS_GPIO, this.#options.chipLabels, offset);
      file = realpathSync(lineFile(SYSFS_GPIO, number, 'value'));
    } catch {
      // The line is not exported any more: what was open is of a line that is gone.
      file = '';
    }
    return loadGpioAddon().gpioAdoptValueFile(descriptor, file);
  }

  #giveBack(number: number, line: OnoffLine | undefined): void {
    try {
      if (line === undefined) unexportLine(SYSFS_GPIO, number);
      else line.unexport();
    } finally {
      this.#options.note.remove(number);
    }
  }
}

function check(number: number, file: string, wanted: string): void {
  const found = readFileSync(lineFile(SYSFS_GPIO, number, file), 'utf8').trim();
  if (found === wanted) return;
  throw fault(
    'E_GPIO_SETUP',
    `GPIO line ${number}: ${file} is ${found}, not ${wanted}`,
    'see whether another driver owns the line',
  );
}
