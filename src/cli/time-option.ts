import { badInput } from '../core/errors.js';

const DAY_OR_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/;

/** The value of an option that is a UTC date (2019-01-01) or time (2019-01-01T12:00Z). Throws `E_USAGE` for anything else. */
export function timeOption(command: string, name: string, value: string): number {
  const ms = DAY_OR_TIME.test(value) ? Date.parse(value) : Number.NaN;
  // Date.parse takes 2019-02-31 for 3 March; a date that does not come back as it was is none.
  if (Number.isFinite(ms) && new Date(ms).toISOString().startsWith(value.slice(0, 10))) return ms;
  throw badInput(
    'E_USAGE',
    `${command}: --${name} ${JSON.stringify(value)} is no date`,
    'write it as in 2019-01-01 or 2019-01-01T12:00Z',
  );
}
