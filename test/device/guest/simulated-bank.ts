import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The outside world of the kernel's gpio-sim bank: the hand on its inputs and the eye on its outputs. */
export interface SimulatedBank {
  drive(line: number, level: 0 | 1): void;
  level(line: number): 0 | 1;
}

/** The bank that the virtual Pi's first process made. */
export function simulatedBank(): SimulatedBank {
  const platform = '/sys/devices/platform';
  const [chip] = readdirSync(platform)
    .filter((name) => name.startsWith('gpio-sim.'))
    .flatMap((name) => readdirSync(join(platform, name)).map((inner) => join(platform, name, inner)))
    .filter((path) => /gpiochip\d+$/.test(path));
  if (chip === undefined) throw new Error('there is no gpio-sim bank: this runs in the virtual Pi only');
  return {
    drive: (line, level) =>
      writeFileSync(`${chip}/sim_gpio${line}/pull`, level === 1 ? 'pull-up' : 'pull-down'),
    level: (line) => (readFileSync(`${chip}/sim_gpio${line}/value`, 'utf8').trim() === '1' ? 1 : 0),
  };
}
