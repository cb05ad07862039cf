import { existsSync } from 'node:fs';
import type { Clock, Gpio } from '../../ports.js';
import { type Bias, createChardevGpio } from './chardev.js';
import { createLineNote } from './line-note.js';
import { createOnoffGpio } from './onoff.js';
import { SYSFS_GPIO } from './sysfs-lines.js';

export interface BankSettings {
  readonly backend: 'onoff' | 'chardev' | 'auto';
  readonly chipLabels: readonly string[];
  readonly bias: Bias;
  readonly debounceMs: number;
}

/**
 * The bank of this machine as the configuration wants it. `auto` takes sysfs where the kernel has it, else the character
 * device. `noteFile` remembers the lines that were exported through sysfs.
 */
export function openGpio(settings: BankSettings, noteFile: string, clock: Clock): Gpio {
  const { backend, chipLabels, bias, debounceMs } = settings;
  const sysfs = backend === 'onoff' || (backend === 'auto' && existsSync(SYSFS_GPIO));
  return sysfs
    ? createOnoffGpio({ chipLabels, note: createLineNote(noteFile), clock })
    : createChardevGpio({ chipLabels, bias, debounceMs });
}
