import { constants } from 'node:os';
import { fault, messageOf, RedbuttonError } from '../../core/errors.js';
import type { Gpio, InputLine, OutputLine } from '../../ports/gpio.js';
import type { DescriptorStore } from '../systemd/descriptor-store.js';
import { type KeptLine, keptName, takeKept } from './kept-line.js';
import { type AddonLine, type GpioAddon, loadGpioAddon } from './line-addon.js';

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

type EdgeCallback = Parameters<InputLine['onEdge']>[0];

const { EBUSY, EACCES, EPERM } = constants.errno;
/** Of a request of one line, where none is asked for (GPIO_V2_LINE_SEQ's kfifo): enough, since any edge counts. */
const QUEUE_EDGES = 16;

/**
 * Lines through the kernel's GPIO character device (uAPI v2). The kernel gives a line back by itself when the process
 * that holds it ends. A line is looked up by its chip's label and its offset; where no chip bears the label, by the name
 * that a Pi's device tree gives to it ("GPIO5" for offset 5).
 */
export class ChardevGpio implements Gpio {
  readonly backend = 'chardev';
  readonly #options: ChardevGpioOptions;
  readonly #addon: GpioAddon = loadGpioAddon();

  constructor(options: ChardevGpioOptions) {
    this.#options = options;
  }

  async input(offset: number, kept = false): Promise<InputLine> {
    const { bias, debounceMs } = this.#options;
    const debounceUs = debounceMs * 1000;
    const store = kept ? this.#options.store : null;
    const found =
      store &&
      takeKept(store, offset, (descriptor) =>
        this.#opened(offset, (path, at) =>
          this.#addon.gpioAdoptInput(descriptor, path, at, bias, debounceUs),
        ),
      );
    const line =
      found?.line ?? this.#opened(offset, (path, at) => this.#addon.gpioInput(path, at, bias, debounceUs));
    if (found === null) store?.keep(keptName(offset), line.descriptor());
    return new ChardevInput(offset, line, store, found);
  }

  async output(offset: number): Promise<OutputLine> {
    const line = this.#opened(offset, (path, at) => this.#addon.gpioOutput(path, at));
    return { write: (level) => line.write(level), close: () => line.close() };
  }

  #opened<T>(offset: number, open: (path: string, at: number) => T): T {
    try {
      const found = this.#find(offset);
      return open(found.path, found.offset);
    } catch (error) {
      throw openFault(offset, error);
    }
  }

  #find(offset: number): { path: string; offset: number } {
    const { chipLabels } = this.#options;
    const chips = this.#addon.gpioChips();
    const labelled = chips.filter(({ label }) => chipLabels.includes(label));
    const [chip] = labelled;
    if (chip !== undefined && labelled.length === 1) {
      if (Number.isInteger(offset) && offset >= 0 && offset < chip.lines) return { path: chip.path, offset };
      throw fault(
        'E_GPIO_LINE',
        `line ${offset} is not on ${chip.label}, which has lines 0 to ${chip.lines - 1}`,
        'correct the line number in [gpio]',
      );
    }
    const named = chips.flatMap(({ path }) => {
      const at = this.#addon.gpioLineNames(path).indexOf(`GPIO${offset}`);
      return at < 0 ? [] : [{ path, offset: at }];
    });
    if (labelled.length === 0 && named.length === 1) return named[0]!;
    const seen = chips.map(({ path, label }) => `${label} (${path})`).join(', ') || 'none';
    throw fault(
      'E_GPIO_CHIP',
      `${labelled.length > 1 ? 'more than one' : 'no'} GPIO chip is labelled ${chipLabels.join(' or ')}; there are: ${seen}`,
      'name the right label in gpio.chipLabels',
    );
  }
}

class ChardevInput implements InputLine {
  /** Only of a line that was found kept. */
  readonly moved?: () => boolean;
  /** Only of a line that is kept. */
  readonly leave?: () => void;
  readonly #offset: number;
  readonly #line: AddonLine;
  readonly #store: DescriptorStore | null;
  readonly #isNew: boolean;

  constructor(offset: number, line: AddonLine, store: DescriptorStore | null, found: KeptLine | null) {
    this.#offset = offset;
    this.#line = line;
    this.#store = store;
    this.#isNew = found === null;
    if (store !== null) this.leave = () => line.close();
    if (found !== null) this.moved = () => found.moved;
  }

  read(): 0 | 1 {
    let level: number;
    try {
      level = this.#line.read();
    } catch (error) {
      throw readFault(this.#offset, error);
    }
    return level === 1 ? 1 : 0;
  }

  onEdge(callback: EdgeCallback): void {
    const line = this.#line;
    // Of a line that is new, edges until now are older than whoever listens from now on.
    for (let edges = 0; this.#isNew && edges < QUEUE_EDGES && line.edgeWaits(); edges++) line.takeEdge();
    line.watch((error) => {
      if (error !== null) callback(error, 0);
      else this.#takeEdges(callback);
    });
  }

  lookEvery(periodMs: number, callback: EdgeCallback): void {
    this.#line.lookEvery(periodMs, (error, level) =>
      callback(error === null ? null : readFault(this.#offset, error), level === 1 ? 1 : 0),
    );
  }

  close(): void {
    this.#line.close();
    this.#store?.forget(keptName(this.#offset));
  }

  /**
   * An edge leaves the kernel's queue once it has been acted on: one that a killed process had not is found there by the
   * next. The queue holds 16, and one that is full drops the oldest: it is never empty after a press.
   */
  #takeEdges(callback: EdgeCallback): void {
    const line = this.#line;
    for (let edges = 0; edges < QUEUE_EDGES && line.edgeWaits(); edges++) {
      let level: number;
      try {
        level = line.read();
      } catch (cause) {
        callback(readFault(this.#offset, cause), 0);
        return;
      }
      callback(null, level === 1 ? 1 : 0);
      if (line.edgeWaits()) line.takeEdge();
    }
  }
}

function readFault(offset: number, error: unknown): RedbuttonError {
  return fault(
    'E_GPIO_READ',
    `GPIO line ${offset} gave no level: ${messageOf(error)}`,
    'look at the wiring',
    error,
  );
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
