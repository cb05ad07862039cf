import { type ValuePlace, wrongUsage } from '../../console/option-table.js';
import type { Span } from '../../learning/folds.js';

/** The value of an option that is a length of time: `1y`, `3m`, `2w`, `90d`. Throws `E_USAGE` for anything else. */
export function span(given: string, { command, name }: ValuePlace): Span {
  const match = /^([1-9]\d{0,3})([ymwd])$/.exec(given);
  const count = Number(match?.[1]);
  switch (match?.[2]) {
    case 'y':
      return { months: 12 * count, days: 0 };
    case 'm':
      return { months: count, days: 0 };
    case 'w':
      return { months: 0, days: 7 * count };
    case 'd':
      return { months: 0, days: count };
    default:
      throw wrongUsage(
        command,
        `${name} ${JSON.stringify(given)} is no length of time`,
        'write a number and y, m, w or d, as in 1y or 90d',
      );
  }
}
