import { badInput } from '../core/errors.js';

/** The value of an option that is a whole number within bounds; `E_USAGE` for anything else. */
export function wholeNumber(command: string, name: string, value: string, low: number, high: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= low && number <= high) return number;
  throw badInput(
    'E_USAGE',
    `${command}: --${name} ${JSON.stringify(value)} is no whole number from ${low} to ${high}`,
    `see redbutton ${command} --help`,
  );
}
