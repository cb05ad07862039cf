import { fault } from '../../core/errors.js';
import type { Gpio } from '../../ports/gpio.js';

/** A bank of lines in memory, with the faults a real one can have. */
export interface SimulatedGpio extends Gpio {
  /** Drives an input from outside, as a contact would. Edges are delivered at once. */
  setLevel(line: number, level: 0 | 1): void;
  /** The level a line shows: for an output, what was last written. */
  level(line: number): 0 | 1;
  /** From now on reads of the line fail with this message; null mends it. */
  failReads(line: number, message: string | null): void;
  /** The edge source of the line dies: no edge comes any more, and its listener is told so, or not (null). */
  loseEdges(line: number, message: string | null): void;
  /** The line leaves the chip (null: it is back): reads, writes and opening fail. */
  unplug(line: number, plugged?: boolean): void;
}

interface Line {
  level: 0 | 1;
  use: 'in' | 'out' | null;
  readFault: string | null;
  unplugged: boolean;
  listeners: Set<(error: Error | null, level: 0 | 1) => void>;
}

/** `levels` are the levels lines start with; all others start at 0. Lines are 0 to `count` - 1. */
export function createSimulatedGpio(levels: Readonly<Record<number, 0 | 1>> = {}, count = 54): SimulatedGpio {
  const lines: Line[] = Array.from({ length: count }, (_, number) => ({
    level: levels[number] ?? 0,
    use: null,
    readFault: null,
    unplugged: false,
    listeners: new Set(),
  }));
  const at = (number: number): Line => {
    const line = lines[number];
    if (line === undefined || !Number.isInteger(number)) {
      throw fault(
        'E_GPIO_LINE',
        `line ${number} is not on the chip (0 to ${count - 1})`,
        'mend the line number in [gpio]',
      );
    }
    return line;
  };
  const opened = (number: number, use: 'in' | 'out'): Line => {
    const line = at(number);
    if (line.unplugged) throw fault('E_GPIO_LINE', `line ${number} is not there`, 'look at the wiring');
    if (line.use !== null) {
      throw fault('E_GPIO_BUSY', `line ${number} is held already`, 'stop what holds it');
    }
    line.use = use;
    return line;
  };
  const there = (line: Line, number: number) => {
    if (line.unplugged) throw fault('E_GPIO_READ', `line ${number} is gone`, 'look at the wiring');
  };

  return {
    backend: 'simulated',
    async input(number) {
      const line = opened(number, 'in');
      const mine = new Set<(error: Error | null, level: 0 | 1) => void>();
      return {
        read() {
          there(line, number);
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
    },
    async output(number) {
      const line = opened(number, 'out');
      return {
        write(level) {
          there(line, number);
          line.level = level;
        },
        close() {
          line.use = null;
        },
      };
    },
    setLevel(number, level) {
      const line = at(number);
      if (line.level === level) return;
      line.level = level;
      if (!line.unplugged) for (const callback of [...line.listeners]) callback(null, level);
    },
    level: (number) => at(number).level,
    failReads(number, message) {
      at(number).readFault = message;
    },
    loseEdges(number, message) {
      const line = at(number);
      const told = [...line.listeners];
      line.listeners.clear();
      if (message !== null) for (const callback of told) callback(new Error(message), line.level);
    },
    unplug(number, plugged = false) {
      at(number).unplugged = !plugged;
    },
  };
}
