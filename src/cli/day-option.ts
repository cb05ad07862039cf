import { badInput } from '../core/errors.js';

/** UTC milliseconds of the start of a day written as `2024-01-31`; undefined for an option that is not given. */
export function dayOption(command: string, name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text)
    throw badInput('E_USAGE', `${command}: --${name} ${text} is no day`, 'write it as in 2024-01-31');
  return ms;
}
