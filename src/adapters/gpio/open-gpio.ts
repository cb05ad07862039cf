import { existsSync } from 'node:fs';
import type { Gpio } from '../../ports/gpio.js';
import type { Clock } from '../../ports/time.js';
import type { DescriptorStore } from '../systemd/descriptor-store.js';
import { type Bias, ChardevGpio } from './chardev.js';
import { createLineNote } from './line-note.js';
import { OnoffGpio } from './onoff.js';
import { lineFile, SYSFS_GPIO, unexportLine } from './sysfs-lines.js';

export interface BankSettings {
  readonly backend: 'onoff' | 'chardev' | 'auto';
  readonly chipLabels: readonly string[];
  readonly bias: Bias;
  readonly debounceMs: number;
}

/**
 * The bank of this machine as the configuration wants it. `auto` takes sysfs where the kernel has it, else the character
 * device. `noteFile` remembers the lines that were exported through sysfs; `store` keeps lines beyond this process.
 */
export function openGpio(
  settings: BankSettings,
  noteFile: string,
  clock: Clock,
  store: DescriptorStore | null = null,
): Gpio {
  const { backend, chipLabels, bias, debounceMs } = settings;
  const sysfs = backend === 'onoff' || (backend === 'auto' && existsSync(SYSFS_GPIO));
  const note = createLineNote(noteFile);
  if (sysfs) return new OnoffGpio({ chipLabels, note, clock, store });
  // A guard with the other backend has left its lines exported for one that does not come.
  for (const number of note.left()) {
    if (!existsSync(lineFile(SYSFS_GPIO, number, ''))) continue;
    try {
      unexportLine(SYSFS_GPIO, number);
      note.remove(number);
    } catch {
      // Whoever opens the line is told that it is held.
    }
  }
  return new ChardevGpio({ chipLabels, bias, debounceMs, store });
}
