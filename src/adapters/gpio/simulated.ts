import { fault } from '../../core/errors.js';
import type { Gpio, InputLine, OutputLine } from '../../ports/gpio.js';

type EdgeCallback = Parameters<InputLine['onEdge']>[0];

interface Line {
  level: 0 | 1;
  use: 'in' | 'out' | null;
  readFault: string | null;
  unplugged: boolean;
  listeners: Set<EdgeCallback>;
}

/** A bank of lines in memory, with the faults a real one can have. */
export class SimulatedGpio implements Gpio {
  readonly backend = 'simulated';
  readonly #lines: readonly Line[];

  /** `levels` are the levels lines start with; all others start at 0. Lines are 0 to `count` - 1. */
  constructor(levels: Readonly<Record<number, 0 | 1>> = {}, count = 54) {
    this.#lines = Array.from({ length: count }, (_, number) => ({
      level: levels[number] ?? 0,
      use: null,
      readFault: null,
      unplugged: false,
      listeners: new Set(),
    }));
  }

  async input(number: number, _kept = false): Promise<InputLine> {
    const line = this.#opened(number, 'in');
    const mine = new Set<EdgeCallback>();
    return {
      read() {
        checkThere(line, number);
        if (line.readFault !== null) throw fault('E_GPIO_READ', line.readFault, 'look at the wiring');
        return line.level;
      },
      onEdge(callback) {
        mine.add(callback);
        line.listeners.add(callback);
      },
      close() {
        for (const callback of mine) line.listeners.delete(callback);
        line.use = null;
      },
    };
  }

  async output(number: number): Promise<OutputLine> {
    const line = this.#opened(number, 'out');
    return {
      write(level) {
        checkThere(line, number);
        line.level = level;
      },
      close() {
        line.use = null;
      },
    };
  }

  /** Drives an input from outside, as a contact would. Edges are delivered at once. */
  setLevel(number: number, level: 0 | 1): void {
    const line = this.#at(number);
    if (line.level === level) return;
    line.level = level;
    if (!line.unplugged) for (const callback of [...line.listeners]) callback(null, level);
  }

  /** The level a line shows: for an output, what was last written. */
  level(number: number): 0 | 1 {
    return this.#at(number).level;
  }

  /** From now on reads of the line fail with this message; null repairs it. */
  failReads(number: number, message: string | null): void {
    this.#at(number).readFault = message;
  }

  /** The edge source of the line dies: no edge comes any more, and its listener is notified, or not (null). */
  loseEdges(number: number, message: string | null): void {
    const line = this.#at(number);
    const listeners = [...line.listeners];
    line.listeners.clear();
    if (message !== null) for (const callback of listeners) callback(new Error(message), line.level);
  }

  /** The line leaves the chip (`plugged`: it is back): reads, writes and opening fail. */
  unplug(number: number, plugged = false): void {
    this.#at(number).unplugged = !plugged;
  }

  #at(number: number): Line {
    const line = this.#lines[number];
    if (line === undefined || !Number.isInteger(number)) {
      throw fault(
        'E_GPIO_LINE',
        `line ${number} is not on the chip (0 to ${this.#lines.length - 1})`,
        'correct the line number in [gpio]',
      );
    }
    return line;
  }

  #opened(number: number, use: 'in' | 'out'): Line {
    const line = this.#at(number);
    if (line.unplugged) throw fault('E_GPIO_LINE', `line ${number} is not there`, 'look at the wiring');
    if (line.use !== null) {
      throw fault('E_GPIO_BUSY', `line ${number} is held already`, 'stop what holds it');
    }
    line.use = use;
    return line;
  }
}

function checkThere(line: Line, number: number): void {
  if (line.unplugged) throw fault('E_GPIO_READ', `line ${number} is gone`, 'look at the wiring');
}
