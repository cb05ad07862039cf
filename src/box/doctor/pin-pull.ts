import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../config/schema.js';

export type Pull = 'up' | 'down' | 'none' | 'unknown';

export interface PinPull {
  readonly pull: Pull;
  /** Who holds it there. */
  readonly by: string;
}

/** On every Pi GPIO 0 to 8 are pulled up at reset, 9 to 27 down (BCM2835 ARM Peripherals, table 6-31). */
const PULLED_UP_MAX = 8;
const HEADER_MAX = 27;

/**
 * What holds an input while its wire is cut: the character device's bias, else config.txt (`gpio=5=ip,pu`), else the chip's
 * own default. sysfs sets none.
 */
export function pullOf(pin: number, bias: Config['gpio']['bias'] | null, bootDir: string): PinPull {
  if (bias === 'pull-up') return { pull: 'up', by: 'gpio.bias' };
  if (bias === 'pull-down') return { pull: 'down', by: 'gpio.bias' };
  if (bias === 'disabled') return { pull: 'none', by: 'gpio.bias' };
  const set = pullInConfigTxt(pin, bootDir);
  if (set !== undefined) return { pull: set, by: 'config.txt' };
  if (pin > HEADER_MAX) return { pull: 'unknown', by: 'a pin that is not on the header' };
  return { pull: pin <= PULLED_UP_MAX ? 'up' : 'down', by: 'the chip’s default' };
}

/** The last `gpio=PINS=…` line wins (Raspberry Pi documentation, config.txt, "GPIO control"). */
function pullInConfigTxt(pin: number, bootDir: string): Pull | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(bootDir, 'config.txt'), 'utf8');
  } catch {
    return undefined;
  }
  let found: Pull | undefined;
  for (const [, pins, flags] of text.matchAll(/^\s*gpio=([\d,-]+)=([a-z,]+)/gm)) {
    const named = pins!.split(',').some((part) => {
      const [from, to = from] = part.split('-').map(Number);
      return pin >= from! && pin <= to!;
    });
    if (!named) continue;
    for (const flag of flags!.split(',')) {
      if (flag === 'pu') found = 'up';
      else if (flag === 'pd') found = 'down';
      else if (flag === 'pn' || flag === 'np') found = 'none';
    }
  }
  return found;
}
