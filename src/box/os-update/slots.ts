import { fault } from '../../core/errors.js';

/**
 * The box has two systems: two root partitions, and on the boot partition a folder each with kernel, initial ramdisk and
 * cmdline.txt. Which one starts is one letter of config.txt. A new system is tried once, by the Raspberry Pi's own
 * `tryboot` (it reads tryboot.txt in place of config.txt, for one start); the letter is changed when it has proved itself.
 */
export type Slot = 'a' | 'b';

/** Number of the partition that a system's root stands on; the data partition is the third. */
export const PARTITION: Readonly<Record<Slot, number>> = { a: 2, b: 4 };

export const otherSlot = (slot: Slot): Slot => (slot === 'a' ? 'b' : 'a');

const PREFIX = /^os_prefix=([ab])\/$/gm;

/** The system that config.txt (or tryboot.txt) starts. */
export function slotOf(configTxt: string): Slot {
  const [first, ...more] = [...configTxt.matchAll(PREFIX)];
  if (first === undefined || more.length > 0) {
    throw fault(
      'E_BOOT_CONFIG',
      'config.txt on the boot partition has no single line os_prefix=a/ or os_prefix=b/',
      'fix it by hand; a newly flashed card has the line',
    );
  }
  return first[1] as Slot;
}

/** The same text with another system; of the same length, so that it can be written over the old one in its sector. */
export function withSlot(configTxt: string, slot: Slot): string {
  slotOf(configTxt);
  return configTxt.replace(PREFIX, `os_prefix=${slot}/`);
}

/** The system that runs, by `root=PARTUUID=…-02` of the kernel's command line; undefined on a box not made this way. */
export function runningSlot(
  kernelCommandLine: string,
): { readonly slot: Slot; readonly diskId: string } | undefined {
  const found = /(?:^|\s)root=PARTUUID=([0-9a-f]{8})-0([24])(?:\s|$)/.exec(kernelCommandLine);
  if (found === null) return undefined;
  return { slot: found[2] === '2' ? 'a' : 'b', diskId: found[1]! };
}
