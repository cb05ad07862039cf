import { loadAddon } from '../native/addon.js';
import type { Bias } from './chardev.js';

/** One line in the addon. */
export interface AddonLine {
  read(): number;
  write(level: number): void;
  /** A thread of its own calls at each edge; what the callback is given as a level means nothing. Edges stay until taken. */
  watch(callback: LevelCallback): void;
  /** Whether an edge waits to be taken; false once the line is closed. */
  edgeWaits(): boolean;
  /** Takes one edge (of a sysfs line: all there are). */
  takeEdge(): void;
  /** Its descriptor, which stays the line's own. */
  descriptor(): number;
  /** A thread of its own looks each `periodMs` and tells a level that is not the last one; a failure ends it. */
  lookEvery(periodMs: number, callback: LevelCallback): void;
  close(): void;
}

export type LevelCallback = (error: Error | null, level: number) => void;

/** The addon's lines, one to one with native/gpio/boundary.cc. Errors carry `errno` as a number. */
export interface GpioAddon {
  gpioChips(): { path: string; label: string; lines: number }[];
  gpioLineNames(path: string): string[];
  gpioInput(path: string, offset: number, bias: Bias, debounceUs: number): AddonLine;
  gpioOutput(path: string, offset: number): AddonLine;
  /** The level that a sysfs `value` file shows; such a line can be read and looked at only. */
  gpioValueFile(path: string): AddonLine;
  /**
   * Makes a line of a descriptor that a process before this one requested as an input, with the edges that wait in it; null,
   * and the descriptor closed, where it is no request of just this line or is dead.
   */
  gpioAdoptInput(
    descriptor: number,
    path: string,
    offset: number,
    bias: Bias,
    debounceUs: number,
  ): AddonLine | null;
  /** Likewise of a sysfs `value` file that is open already. */
  gpioAdoptValueFile(descriptor: number, path: string): AddonLine | null;
}

/** Loads the addon's lines. Throws `E_NATIVE_MISSING`. */
export function loadGpioAddon(): GpioAddon {
  return loadAddon<GpioAddon>([
    'gpioChips',
    'gpioLineNames',
    'gpioInput',
    'gpioOutput',
    'gpioValueFile',
    'gpioAdoptInput',
    'gpioAdoptValueFile',
  ]);
}
