import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candle, candleAt, toColumns } from '../../../src/core/candle.js';
import { validateCandles } from '../../../src/pipeline/ingestion/index.js';
import { VECTORS_DIR } from '../../support/golden.js';

const GOOD: Candle = { openMs: 1_700_006_400_000, open: 10, high: 11, low: 9, close: 10, volume: 5 };
const MINUTE = 60_000;

interface EdgeCase {
  readonly name: string;
  readonly rows: Candle[];
  readonly article: readonly number[];
  readonly strict: readonly number[];
}

function edgeCases(): EdgeCase[] {
  const text = readFileSync(path.join(VECTORS_DIR, 'validate_edge_cases.csv'), 'utf8').trim();
  const cases = new Map<string, EdgeCase>();
  for (const line of text.split('\n').slice(1)) {
    const cells = (line.match(/"(?:[^"]|"")*"|[^,]+/g) ?? []).map((cell) => cell.replace(/^"|"$/g, ''));
    const [name, , openMs, open, high, low, close, volume] = cells;
    // Where the seed dies of an empty result it keeps nothing.
    const kept = (cell: string) => (cell.startsWith('[') ? (JSON.parse(cell) as number[]) : []);
    const known = cases.get(name!) ?? {
      name: name!,
      rows: [],
      article: kept(cells[8]!),
      strict: kept(cells[9]!),
    };
    const value = (cell: string | undefined) => (cell === 'inf' ? Number.POSITIVE_INFINITY : Number(cell));
    known.rows.push({
      openMs: value(openMs),
      open: value(open),
      high: value(high),
      low: value(low),
      close: value(close),
      volume: value(volume),
    });
    cases.set(name!, known);
  }
  return [...cases.values()];
}

describe('the doubtful cases', () => {
  const cases = edgeCases();
  it('are there', () => expect(cases.length).toBe(11));

  it.each(cases)('$name: article rules keep what the seed keeps', ({ rows, article }) => {
    expect([...validateCandles(toColumns(rows), { rules: 'article' }).keptIndex]).toEqual(article);
  });

  it.each(cases)('$name: strict rules keep what is recommended', ({ rows, strict }) => {
    expect([...validateCandles(toColumns(rows), { rules: 'strict' }).keptIndex]).toEqual(strict);
  });
});

describe('strict rules', () => {
  const nowMs = GOOD.openMs + 10 * MINUTE;
  const reasonOf = (change: Partial<Candle>) => {
    const rows = toColumns([{ ...GOOD, ...change }]);
    return validateCandles(rows, { rules: 'strict', timeframeMs: MINUTE, nowMs }).quarantined[0]?.reason;
  };

  it.each([
    [{}, undefined],
    [{ close: Number.NaN }, 'non_finite'],
    [{ openMs: Number.NaN }, 'non_finite'],
    [{ volume: Number.POSITIVE_INFINITY }, 'non_finite'],
    [{ openMs: GOOD.openMs + 1 }, 'misaligned'],
    [{ openMs: GOOD.openMs + 0.5 }, 'misaligned'],
    [{ openMs: GOOD.openMs + 10 * MINUTE }, 'future'],
    // Closed right now, and one not closed yet but within the clock's tolerance of a second.
    [{ openMs: GOOD.openMs + 9 * MINUTE }, undefined],
    [{ low: 0 }, 'non_positive_price'],
    [{ open: -1 }, 'non_positive_price'],
    // A bar without a trade.
    [{ volume: 0 }, undefined],
    [{ volume: -3 }, 'non_positive_volume'],
    [{ high: 8 }, 'high_below_low'],
    [{ open: 11.5 }, 'open_or_close_outside_range'],
    [{ close: 8.5 }, 'open_or_close_outside_range'],
    [{ volume: 1e-300 }, undefined],
  ])('%j is refused as %s', (change, reason) => {
    expect(reasonOf(change)).toBe(reason);
  });

  it('refuses a jump, unless the next bar confirms it', () => {
    const closes = [100, 101, 1000, 102, 103, 300, 301, 302];
    const rows = closes.map((close, i) => ({
      openMs: i * MINUTE,
      open: close,
      high: close,
      low: close,
      close,
      volume: 1,
    }));
    const result = validateCandles(toColumns(rows), { rules: 'strict', absurdJumpFraction: 0.5 });
    expect(result.quarantined).toEqual([
      { index: 2, reason: 'absurd_jump' },
      { index: 5, reason: 'absurd_jump' },
    ]);
    expect(validateCandles(toColumns(rows), { rules: 'strict' }).quarantined).toEqual([]);
  });
});

describe('any rows at all', () => {
  const price = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY) },
  );
  const row = fc.record({
    openMs: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0, max: 8 }) },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY) },
    ),
    open: price,
    high: price,
    low: price,
    close: price,
    volume: price,
  });

  it.each(['strict', 'article'] as const)('under %s rules are kept or refused, once each', (rules) => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
        const { kept, keptIndex, quarantined } = validateCandles(toColumns(rows), { rules });
        const seen = [...keptIndex, ...quarantined.map(({ index }) => index)].sort((a, b) => a - b);
        expect(seen).toEqual(rows.map((_, i) => i));
        for (let k = 1; k < kept.length; k++) expect(kept.openMs[k]).toBeGreaterThan(kept.openMs[k - 1]!);
        keptIndex.forEach((index, k) => {
          expect(candleAt(kept, k)).toEqual(rows[index]);
        });
        const again = validateCandles(kept, { rules });
        expect(again.quarantined).toEqual([]);
      }),
      { seed: 42, numRuns: 500 },
    );
  });

  it('strict rules keep a time whenever one of its copies is good, and then the last such', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
        const alone = (candle: Candle) =>
          validateCandles(toColumns([candle]), { rules: 'strict' }).kept.length === 1;
        const last = new Map<number, number>();
        rows.forEach((candle, i) => {
          if (alone(candle)) last.set(candle.openMs, i);
        });
        const { keptIndex } = validateCandles(toColumns(rows), { rules: 'strict' });
        expect(new Set(keptIndex)).toEqual(new Set(last.values()));
      }),
      { seed: 43, numRuns: 300 },
    );
  });
});
