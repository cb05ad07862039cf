import { describe, expect, it } from 'vitest';
import type { CancelOutcome } from '../../src/core/guard-link.js';
import { joinDuties, type VenueDuties } from '../../src/execution/join-duties.js';

const ORDER = { epoch: 1, flatten: false, cause: 'button' };
const CONFIRMED: CancelOutcome = { confirmed: true, openOrders: 0, detail: 'no open order is left' };

function venue(
  exchange: string,
  cancelAll: () => Promise<CancelOutcome>,
  reconcile = async () => {},
): VenueDuties {
  return { exchange, duties: { cancelAll, reconcile } };
}

describe('the duties at several exchanges', () => {
  it('are confirmed only where every exchange has confirmed', async () => {
    const open: CancelOutcome = { confirmed: false, openOrders: 2, detail: '2 open orders' };
    const both = joinDuties([venue('binance', async () => CONFIRMED), venue('kraken', async () => open)]);
    expect(await both.cancelAll(ORDER)).toMatchObject({ confirmed: false, openOrders: 2 });
    const fine = joinDuties([
      venue('binance', async () => CONFIRMED),
      venue('kraken', async () => CONFIRMED),
    ]);
    expect(await fine.cancelAll(ORDER)).toMatchObject({ confirmed: true, openOrders: 0 });
  });

  it('cancel at the others while one is away, and say that nobody knows of that one', async () => {
    let cancelled = false;
    const duties = joinDuties([
      venue('binance', () => Promise.reject(new Error('503'))),
      venue('kraken', async () => {
        cancelled = true;
        return CONFIRMED;
      }),
    ]);
    const outcome = await duties.cancelAll(ORDER);
    expect(cancelled).toBe(true);
    expect(outcome).toMatchObject({ confirmed: false, openOrders: null });
    expect(outcome.detail).toContain('binance: cancelling failed: 503');
  });

  it('are reconciled as soon as one exchange agrees, and never while none does', async () => {
    const away = venue(
      'binance',
      async () => CONFIRMED,
      () => new Promise<void>(() => {}),
    );
    const differs = venue(
      'kraken',
      async () => CONFIRMED,
      () => Promise.reject(new Error('the account holds 3')),
    );
    await joinDuties([away, venue('bitstamp', async () => CONFIRMED)]).reconcile();
    await expect(joinDuties([differs]).reconcile()).rejects.toThrow('kraken: Error: the account holds 3');
  });
});
