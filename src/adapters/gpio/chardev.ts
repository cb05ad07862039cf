import { constants } from 'node:os';
import { fault, messageOf, RedbuttonError } from '../../core/errors.js';
import type { Gpio } from '../../ports/gpio.js';
import type { DescriptorStore } from '../systemd/descriptor-store.js';
import { keptName, takeKept } from './kept-line.js';
import { loadGpioAddon } from './line-addon.js';

/** What the kernel is to hold an input at while nothing drives it. */
export type Bias = 'as-is' | 'pull-up' | 'pull-down' | 'disabled';

export interface ChardevGpioOptions {
  readonly chipLabels: readonly string[];
  readonly bias: Bias;
  /** The kernel's own debounce, of inputs: no shorter change is seen. 0 is none. */
  readonly debounceMs: number;
  /** Where lines are kept that are to outlive this process; null where there is no such place. */
  readonly store: DescriptorStore | null;
}

const { EBUSY, EACCES, EPERM } = constants.errno;
/** Of a request of one line, where none is asked for (GPIO_V2_LINE_SEQ's kfifo): enough, since any edge counts. */
const QUEUE_EDGES = 16;

/**
 * Lines through the kernel's GPIO character device (uAPI v2). The kernel gives a line back by itself when the process
 * that holds it ends. A line is looked up by its chip's label and its offset; where no chip bears the label, by the name
 * that a Pi's device tree gives to it ("GPIO5" for offset 5).
 */
export function createChardevGpio(options: ChardevGpioOptions): Gpio {
  const addon = loadGpioAddon();

  const find = (offset: number): { path: string; offset: number } => {
    const chips = addon.gpioChips();
    const labelled = chips.filter(({ label }) => options.chipLabels.includes(label));
    const [chip] = labelled;
    if (chip !== undefined && labelled.length === 1) {
      if (Number.isInteger(offset) && offset >= 0 && offset < chip.lines) return { path: chip.path, offset };
      throw fault(
        'E_GPIO_LINE',
        `line ${offset} is not on ${chip.label}, which has lines 0 to ${chip.lines - 1}`,
        'mend the line number in [gpio]',
      );
    }
    const named = chips.flatMap(({ path }) => {
      const at = addon.gpioLineNames(path).indexOf(`GPIO${offset}`);
      return at < 0 ? [] : [{ path, offset: at }];
    });
    if (labelled.length === 0 && named.length === 1) return named[0]!;
    const seen = chips.map(({ path, label }) => `${label} (${path})`).join(', ') || 'none';
    throw fault(
      'E_GPIO_CHIP',
      `${labelled.length > 1 ? 'more than one' : 'no'} GPIO chip is labelled ${options.chipLabels.join(' or ')}; there are: ${seen}`,
      'name the right label in gpio.chipLabels',
    );
  };
  const opened = <T>(offset: number, open: (path: string, at: number) => T): T => {
    try {
      const found = find(offset);
      return open(found.path, found.offset);
    } catch (error) {
      throw openFault(offset, error);
    }
  };
  const readFault = (offset: number, error: unknown) =>
    fault(
      'E_GPIO_READ',
      `GPIO line ${offset} gave no level: ${messageOf(error)}`,
      'look at the wiring',
      error,
    );

  return {
    backend: 'chardev',
    async input(offset, kept = false) {
      const { bias } = options;
      const debounceUs = options.debounceMs * 1000;
      const store = kept ? options.store : null;
      const found =
        store &&
        takeKept(store, offset, (descriptor) =>
          opened(offset, (path, at) => addon.gpioAdoptInput(descriptor, path, at, bias, debounceUs)),
        );
      const line = found?.line ?? opened(offset, (path, at) => addon.gpioInput(path, at, bias, debounceUs));
      if (found === null) store?.keep(keptName(offset), line.descriptor());
      return {
        read() {
          let level: number;
          try {
            level = line.read();
          } catch (error) {
            throw readFault(offset, error);
          }
          return level === 1 ? 1 : 0;
        },
        onEdge(callback) {
          // Of a line that is new, edges until now are older than whoever listens from now on.
          for (let edges = 0; found === null && edges < QUEUE_EDGES && line.edgeWaits(); edges++)
            line.takeEdge();
          line.watch((error) => {
            if (error !== null) return callback(error, 0);
            // An edge leaves the kernel's queue once it has been acted on: one that a killed process had not is found there
            // by the next. The queue holds 16, and one that is full drops the oldest: it is never empty after a press.
            for (let edges = 0; edges < QUEUE_EDGES && line.edgeWaits(); edges++) {
              let level: number;
              try {
                level = line.read();
              } catch (cause) {
                return callback(readFault(offset, cause), 0);
              }
              callback(null, level === 1 ? 1 : 0);
              if (line.edgeWaits()) line.takeEdge();
            }
          });
        },
        lookEvery(periodMs, callback) {
          line.lookEvery(periodMs, (error, level) =>
            callback(error === null ? null : readFault(offset, error), level === 1 ? 1 : 0),
          );
        },
        ...(store && { leave: () => line.close() }),
        ...(found && { moved: () => found.moved }),
        close() {
          line.close();
          store?.forget(keptName(offset));
        },
      };
    },
    async output(offset) {
      const line = opened(offset, (path, at) => addon.gpioOutput(path, at));
      return { write: (level) => line.write(level), close: () => line.close() };
    },
  };
}

function openFault(offset: number, error: unknown): Error {
  if (error instanceof RedbuttonError) return error;
  const { errno } = error as { errno?: number };
  if (errno === EBUSY) {
    return fault(
      'E_GPIO_BUSY',
      `GPIO line ${offset} is held by another program or driver`,
      'stop what uses it',
      error,
    );
  }
  if (errno === EACCES || errno === EPERM) {
    return fault(
      'E_GPIO_DENIED',
      `not allowed to use GPIO line ${offset}: ${messageOf(error)}`,
      'run the guard as a member of the gpio group',
      error,
    );
  }
  return fault(
    'E_GPIO_LINE',
    `cannot open GPIO line ${offset}: ${messageOf(error)}`,
    'look at [gpio]',
    error,
  );
}
