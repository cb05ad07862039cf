import { loadAddon } from '../native/addon.js';
import type { Bias } from './chardev.js';

/** One line in the addon. */
export interface AddonLine {
  read(): number;
  write(level: number): void;
  watch(callback: LevelCallback): void;
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
}

/** Loads the addon's lines. Throws `E_NATIVE_MISSING`. */
export function loadGpioAddon(): GpioAddon {
  return loadAddon<GpioAddon>(['gpioChips', 'gpioLineNames', 'gpioInput', 'gpioOutput', 'gpioValueFile']);
}
