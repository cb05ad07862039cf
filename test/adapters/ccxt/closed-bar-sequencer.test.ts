import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClosedBarSequencer } from '../../../src/adapters/ccxt/closed-bar-sequencer.js';
import type { RawCandle } from '../../../src/ports/market.js';

const BAR_MS = 60_000;
const bar = (i: number, close: number): RawCandle => ({
  openMs: i * BAR_MS,
  open: 1,
  high: 9,
  low: 1,
  close,
  volume: 1,
});
/** The finished state of bar i. */
const final = (i: number) => bar(i, 1000 + i);

function sequencerOver(bars: readonly RawCandle[], cursor?: number) {
  const delivered: RawCandle[] = [];
  let fetches = 0;
  const sequencer = new ClosedBarSequencer({
    barMs: BAR_MS,
    cursorMs: cursor === undefined ? Number.NEGATIVE_INFINITY : cursor * BAR_MS,
    fetchBars: async (sinceMs) => {
      fetches++;
      return bars.filter((row) => row.openMs >= sinceMs).slice(0, 3);
    },
    deliver: (candle) => delivered.push(candle),
  });
  return { sequencer, delivered, fetches: () => fetches };
}

describe('ClosedBarSequencer', () => {
  it('closes a bar with its last state when the next one shows up, without asking anybody', async () => {
    const { sequencer, delivered, fetches } = sequencerOver([]);
    for (const update of [bar(1, 5), bar(1, 6), final(1), bar(2, 7), final(2), bar(3, 8)])
      sequencer.take(update);
    expect(delivered).toEqual([final(1), final(2)]);
    expect(fetches()).toBe(0);
  });

  it('fetches what lies between two bars, page by page, the older of the two included', async () => {
    const { sequencer, delivered } = sequencerOver([1, 2, 3, 4, 5, 6, 7, 8].map(final));
    sequencer.take(bar(1, 5));
    await sequencer.take(bar(9, 5));
    expect(delivered).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map(final));
  });

  it('passes a gap that the exchange has itself, with the state it saw of a bar that is not listed yet', async () => {
    const { sequencer, delivered } = sequencerOver([]);
    sequencer.take(final(1));
    await sequencer.take(bar(4, 5));
    expect(delivered).toEqual([final(1)]);
  });

  it('hands a closed bar on again when REST confirms that it was corrected, and not for an old state', async () => {
    const listed = [final(1), final(2)];
    const { sequencer, delivered, fetches } = sequencerOver(listed);
    for (const update of [final(1), final(2), bar(3, 8)]) sequencer.take(update);
    await sequencer.take(bar(2, 5));
    expect(delivered).toEqual([final(1), final(2)]);
    listed[1] = bar(2, 77);
    await sequencer.take(bar(2, 77));
    await sequencer.take(bar(2, 77));
    expect(delivered).toEqual([final(1), final(2), bar(2, 77)]);
    expect(fetches()).toBe(2);
    // A line that stutters old states costs a few requests at most.
    for (let i = 0; i < 100; i++) await sequencer.take(bar(2, 100 + i));
    expect(fetches()).toBeLessThanOrEqual(3);
    sequencer.take(bar(4, 1));
    expect(delivered.at(-1)).toEqual(bar(3, 8));
  });

  it('never repeats a bar at or before its cursor', async () => {
    const { sequencer, delivered } = sequencerOver([3, 4, 5].map(final), 4);
    sequencer.take(bar(3, 1));
    sequencer.take(bar(4, 1));
    await sequencer.take(bar(6, 1));
    expect(delivered).toEqual([final(5)]);
  });

  it('confirms a bar that closed in silence once its grace is over, and not before', async () => {
    const { sequencer, delivered } = sequencerOver([final(1), bar(2, 5)]);
    sequencer.take(bar(1, 3));
    await sequencer.confirm(2 * BAR_MS + 1999, 2000);
    expect(delivered).toEqual([]);
    await sequencer.confirm(2 * BAR_MS + 2000, 2000);
    expect(delivered).toEqual([final(1)]);
    sequencer.take(final(2));
    sequencer.take(bar(3, 5));
    expect(delivered).toEqual([final(1), final(2)]);
  });

  it('delivers every listed bar once, finished and in order, however updates are lost, repeated or late', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 2 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 80 }),
        async (listedBars, script) => {
          const listed = listedBars.sort((a, b) => a - b);
          const { sequencer, delivered } = sequencerOver(listed.map(final), 0);
          for (const [i, confirms] of script) {
            if (!listed.includes(i)) continue;
            await sequencer.take(final(i));
            if (confirms) await sequencer.confirm(41 * BAR_MS, 0);
          }
          const newest = Math.max(0, ...delivered.map((candle) => candle.openMs / BAR_MS));
          expect(delivered).toEqual(listed.filter((i) => i <= newest).map(final));
        },
      ),
      { numRuns: 300 },
    );
  });
});
