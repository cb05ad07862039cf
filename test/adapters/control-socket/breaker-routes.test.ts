import { expect, it } from 'vitest';
import { breakerRoutes } from '../../../src/adapters/control-socket/breaker-routes.js';
import type { AccountSnapshot, PeakRebase } from '../../../src/core/records.js';
import type { TradingState } from '../../../src/core/trading-state.js';

const ACCOUNT = {
  equity: 80_000,
  peakEquity: 100_000,
  drawdown: 0.2,
  breakerTripped: true,
} as AccountSnapshot;

function box(state: TradingState, tripped = true, open = true) {
  const raised: [string, object][] = [];
  const words: string[] = [];
  const routes = breakerRoutes({
    account: () => ({ ...ACCOUNT, breakerTripped: tripped && words.length === 0 }),
    async rebase(by): Promise<PeakRebase | null> {
      if (!tripped) return null;
      words.push(by);
      return { atMs: 1, by, peakBefore: 100_000, drawdownBefore: 0.2, equity: 80_000 };
    },
    states: { state: () => state },
    windowOpen: async () => open,
    alerts: {
      async raise(code, figures) {
        raised.push([code, figures]);
      },
    },
  });
  return { raised, words, rebase: async (body: unknown) => routes['POST /breaker/rebase']!(body) };
}

it('takes a person’s word on a halted box, and tells the phone whose it was and what it let go of', async () => {
  const { raised, words, rebase } = box('HALTED');
  expect(await rebase({ by: 'anna' })).toMatchObject({ status: 200, body: { tripped: false } });
  expect(words).toEqual(['anna']);
  expect(raised).toEqual([['PEAK_REBASED', { by: 'anna', drawdown: 0.2, peak: 100_000, equity: 80_000 }]]);
});

it.each([
  ['a box that is not halted', box('REDUCING'), { by: 'anna' }, 'E_NOT_HALTED'],
  ['a halted box that nobody has asked to arm', box('HALTED', true, false), { by: 'anna' }, 'E_WINDOW'],
  ['a breaker that has not tripped', box('HALTED', false), { by: 'anna' }, 'E_BREAKER'],
  ['nobody’s word', box('HALTED'), { by: '' }, 'E_BODY'],
  ['a word with more in it', box('HALTED'), { by: 'anna', equity: 1 }, 'E_BODY'],
] as const)(
  'refuses the word for %s, and tells nothing',
  async (_, { raised, words, rebase }, body, code) => {
    await expect(rebase(body)).rejects.toMatchObject({ code });
    expect([raised, words]).toEqual([[], []]);
  },
);
