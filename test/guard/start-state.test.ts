import { describe, expect, it } from 'vitest';
import type { ArmedReading } from '../../src/guard/armed-record.js';
import type { PermitFound } from '../../src/guard/permit-file.js';
import { startFrom } from '../../src/guard/start-state.js';

const record = (armed: boolean, epoch: number, inBoth?: boolean): ArmedReading => ({
  kind: 'record',
  record: { armed, epoch, atMs: 77, cause: 'button', ...(inBoth !== undefined && { inBoth }) },
});
const missing: ArmedReading = { kind: 'missing' };
const unreadable: ArmedReading = { kind: 'unreadable', detail: 'its checksum is wrong' };

const FIRST = {
  missing,
  unreadable,
  halted5: record(false, 5),
  'armed5, none other': record(true, 5),
  'armed5, not in both': record(true, 5, false),
  'armed5, in both': record(true, 5, true),
};
const SECOND = {
  'none configured': null,
  missing,
  unreadable,
  halted4: record(false, 4),
  halted5: record(false, 5),
  halted6: record(false, 6),
  armed4: record(true, 4, true),
  armed5: record(true, 5, true),
  armed6: record(true, 6, true),
};
const PERMIT: Record<string, PermitFound> = {
  none: { kind: 'none' },
  unreadable: { kind: 'unreadable' },
  running4: { kind: 'running', epoch: 4 },
  running5: { kind: 'running', epoch: 5 },
  running6: { kind: 'running', epoch: 6 },
  halted4: { kind: 'halted', epoch: 4 },
  halted5: { kind: 'halted', epoch: 5 },
  halted6: { kind: 'halted', epoch: 6 },
};

/**
 * A start for each permit in the order of `PERMIT`: `A` armed; else halted: `R` as recorded; `r` as the second record alone
 * says, `p` as the permit says, `m` for want of a record, `u` for what cannot be trusted, all four yet to be recorded.
 */
const TABLE = `
missing             | none configured | mmmmmppp
missing             | missing         | mmmmmppp
missing             | unreadable      | mmmmmppp
missing             | halted4         | rrrrrrrr
missing             | halted5         | rrrrrrrr
missing             | halted6         | rrrrrrrr
missing             | armed4          | mmmmmppp
missing             | armed5          | mmmmmppp
missing             | armed6          | mmmmmppp
unreadable          | none configured | uuuuuppp
unreadable          | missing         | uuuuuppp
unreadable          | unreadable      | uuuuuppp
unreadable          | halted4         | rrrrrrrr
unreadable          | halted5         | rrrrrrrr
unreadable          | halted6         | rrrrrrrr
unreadable          | armed4          | uuuuuppp
unreadable          | armed5          | uuuuuppp
unreadable          | armed6          | uuuuuppp
halted5             | none configured | RRRRRRRR
halted5             | missing         | RRRRRRRR
halted5             | unreadable      | RRRRRRRR
halted5             | halted4         | RRRRRRRR
halted5             | halted5         | RRRRRRRR
halted5             | halted6         | RRRRRRRR
halted5             | armed4          | RRRRRRRR
halted5             | armed5          | RRRRRRRR
halted5             | armed6          | RRRRRRRR
armed5, none other  | none configured | AuAAAApp
armed5, none other  | missing         | AuAAAApp
armed5, none other  | unreadable      | AuAAAApp
armed5, none other  | halted4         | AuAAAApp
armed5, none other  | halted5         | rrrrrrrr
armed5, none other  | halted6         | rrrrrrrr
armed5, none other  | armed4          | AuAAAApp
armed5, none other  | armed5          | AuAAAApp
armed5, none other  | armed6          | uuuuuupp
armed5, not in both | none configured | AuAAAApp
armed5, not in both | missing         | AuAAAApp
armed5, not in both | unreadable      | AuAAAApp
armed5, not in both | halted4         | AuAAAApp
armed5, not in both | halted5         | rrrrrrrr
armed5, not in both | halted6         | rrrrrrrr
armed5, not in both | armed4          | AuAAAApp
armed5, not in both | armed5          | AuAAAApp
armed5, not in both | armed6          | uuuuuupp
armed5, in both     | none configured | uuuuuupp
armed5, in both     | missing         | uuuuuupp
armed5, in both     | unreadable      | uuuuuupp
armed5, in both     | halted4         | uuuuuupp
armed5, in both     | halted5         | RRRRRRRR
armed5, in both     | halted6         | RRRRRRRR
armed5, in both     | armed4          | uuuuuupp
armed5, in both     | armed5          | AuAAAApp
armed5, in both     | armed6          | uuuuuupp
`;

function outcome(first: ArmedReading, second: ArmedReading | null, permit: PermitFound): string {
  const { trading, halt } = startFrom({ first, second, permit }, 99);
  if (halt === null) return trading === 'REDUCING' ? 'A' : '?';
  if (trading !== 'HALTED') return '?';
  if (halt.atMs === 77) return halt.cause !== 'recorded' ? '?' : halt.durable ? 'R' : 'r';
  if (halt.durable) return '?';
  return { recorded: 'p', record_missing: 'm', record_unreadable: 'u' }[halt.cause as string] ?? '?';
}

describe('what a guard starts as', () => {
  const rows = Object.entries(FIRST).flatMap(([nameOfFirst, first]) =>
    Object.entries(SECOND).map(([nameOfSecond, second]) => {
      const outcomes = Object.values(PERMIT).map((permit) => outcome(first, second, permit));
      return `${nameOfFirst.padEnd(19)} | ${nameOfSecond.padEnd(15)} | ${outcomes.join('')}`;
    }),
  );

  it('is what the table says, for every first record, second record and permit', () => {
    expect(rows).toEqual(TABLE.trim().split('\n'));
  });

  it('is of an epoch above all that was found', () => {
    const found = { first: record(true, 5), second: record(true, 3), permit: PERMIT.running6! };
    expect(startFrom(found, 99).epoch).toBe(7);
    expect(startFrom({ ...found, second: record(false, 30) }, 99).epoch).toBe(31);
    expect(startFrom({ first: missing, second: null, permit: { kind: 'none' } }, 99).epoch).toBe(1);
  });
});
