import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The outside world of the kernel's gpio-sim bank: the hand on its inputs and the eye on its outputs. */
export interface SimulatedBank {
  drive(line: number, level: 0 | 1): void;
  level(line: number): 0 | 1;
}

/** The number that sysfs gives to a line of the bank, which is the last chip that came. */
export function sysfsNumber(line: number): number {
  const names = readdirSync('/sys/class/gpio').filter((name) => /^gpiochip\d+$/.test(name));
  return Math.max(...names.map((name) => Number(name.slice('gpiochip'.length)))) + line;
}

/** Takes back lines that a killed guard left exported, so that the next test finds the bank as it was. */
export function unexport(...lines: readonly number[]): void {
  for (const number of lines.map(sysfsNumber)) {
    if (existsSync(`/sys/class/gpio/gpio${number}`))
      writeFileSync('/sys/class/gpio/unexport', String(number));
  }
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
