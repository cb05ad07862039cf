import { expect, it } from 'vitest';
import { ReconcileLoop } from '../../src/execution/reconcile-loop.js';
import type { Reconciliation } from '../../src/execution/reconciliation.js';
import type { Unprotected } from '../../src/execution/resting-stops.js';

const agreed = { kind: 'agreed', taken: [] } as unknown as Reconciliation;
const mismatch = (detail: string, confirmed = true) =>
  ({ kind: 'mismatch', symbol: 'BTC/USDT', detail, confirmed, taken: [] }) as unknown as Reconciliation;

/** Runs the loop over these comparisons; what was raised after each, by its code and detail. */
async function told(
  rounds: readonly { readonly result: Reconciliation; readonly unprotected?: readonly Unprotected[] }[],
): Promise<string[][]> {
  const ending = new AbortController();
  const raised: string[][] = [];
  let round = -1;
  const loop = new ReconcileLoop({
    orders: {
      async reconcile() {
        round++;
        raised.push([]);
        return rounds[round]!.result;
      },
      unprotected: () => rounds[round]!.unprotected ?? [],
    },
    exchange: 'binance',
    clock: {
      wallMs: () => 0,
      monotonicMs: () => 0,
      async sleep() {
        if (round + 1 === rounds.length) ending.abort();
      },
    },
    alerts: {
      async raise(code, figures) {
        raised.at(-1)!.push(`${code} ${(figures as { detail: string }).detail}`);
      },
    },
    periodMs: 60_000,
  });
  await loop.run(ending.signal);
  return raised;
}

const unprotected = (symbol: string, detail: string): Unprotected => ({ symbol, detail }) as Unprotected;

it('tells of a position without its stop once, again for another reason, and again after it had one', async () => {
  expect(
    await told([
      { result: agreed, unprotected: [unprotected('BTC/USDT', 'refused')] },
      {
        result: agreed,
        unprotected: [unprotected('BTC/USDT', 'refused'), unprotected('ETH/USDT', 'no stops there')],
      },
      { result: agreed, unprotected: [unprotected('BTC/USDT', 'too small')] },
      { result: agreed },
      { result: agreed, unprotected: [unprotected('BTC/USDT', 'too small')] },
    ]),
  ).toEqual([
    ['STOP_MISSING refused'],
    ['STOP_MISSING no stops there'],
    ['STOP_MISSING too small'],
    [],
    ['STOP_MISSING too small'],
  ]);
});

it('tells of a confirmed difference once, and again when it came again after an agreement', async () => {
  expect(
    await told([
      { result: mismatch('1 BTC more', false) },
      { result: mismatch('1 BTC more') },
      { result: mismatch('1 BTC more') },
      { result: agreed },
      { result: mismatch('1 BTC more') },
    ]),
  ).toEqual([
    [],
    ['RECONCILE_MISMATCH binance: 1 BTC more'],
    [],
    [],
    ['RECONCILE_MISMATCH binance: 1 BTC more'],
  ]);
});
