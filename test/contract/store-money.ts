import { expect, test } from 'vitest';
import type { Alert } from '../../src/core/alert.js';
import { type StreamKey, toColumns } from '../../src/core/candle.js';
import { type DenialReason, FINAL_STATUSES, type OrderStatus } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { AlertOutbox } from '../../src/ports/alerts.js';
import type { AuditLog, Store, StoreReader } from '../../src/ports/store.js';
import { BAR_MS, BTC, candleOf, ETH, fillOf, orderEventOf, T0 } from './store-rows.js';

export type WholeStore = Store & StoreReader & AuditLog & AlertOutbox;

/** The part of the store contract that deals with orders, fills, alerts and the audit log; registered by store.ts. */
export function moneyAndAudit(
  store: () => WholeStore,
  settled: (check: (store: WholeStore) => Promise<void>) => Promise<void>,
): void {
  test('given order events, when restored, then an order is open until its first final status', async () => {
    const lives: Record<string, readonly OrderStatus[]> = {
      done: ['intended', 'sent', 'accepted', 'filled'],
      open: ['intended', 'sent', 'accepted', 'partially_filled'],
      lost: ['intended', 'sent', 'unknown'],
      late: ['intended', 'sent', 'canceled', 'accepted'],
    };
    for (let step = 0; step < 4; step++)
      for (const [id, statuses] of Object.entries(lives)) {
        const status = statuses[step];
        if (status) await store().recordOrder(orderEventOf(id, status, step));
      }
    await settled(async (s) => {
      const restored = await s.restore();
      expect(restored.openOrders.map((e) => [e.order.clientOrderId, e.status])).toEqual([
        ['lost', 'unknown'],
        ['open', 'partially_filled'],
      ]);
      expect(restored.openOrders[1]).toEqual(orderEventOf('open', 'partially_filled', 3));
      expect((await s.orderEvents()).length).toBe(15);
    });
  });

  test('given each final status, when restored, then no such order is open, and its reason is kept', async () => {
    const ends: [OrderStatus, DenialReason | null][] = [
      ['denied', 'price_collar'],
      ['rejected', 'market_closed'],
      ...FINAL_STATUSES.map((status): [OrderStatus, null] => [status, null]),
    ];
    const events = ends.map(([status, reason], i) => ({ ...orderEventOf(`o${i}`, status, i), reason }));
    for (const event of events) await store().recordOrder(event);
    await settled(async (s) => {
      expect((await s.restore()).openOrders).toEqual([]);
      expect(await s.orderEvents()).toEqual(events);
    });
  });

  test('given a question asked while there was nothing, when there is much, then its answer is true', async () => {
    expect(await store().fills()).toEqual([]);
    expect(await store().orderEvents()).toEqual([]);
    const fills = Array.from({ length: 20 }, (_, i) => fillOf(String(i + 1), BTC.symbol, { atMs: T0 + i }));
    for (const [i, fill] of fills.entries())
      await store().recordOrder(orderEventOf('x', 'accepted', i), [fill]);
    expect(await store().fills()).toEqual(fills);
    expect(await store().orderEvents()).toEqual(fills.map((_, i) => orderEventOf('x', 'accepted', i)));
  });

  test('given fills, when recorded twice, then each counts once, to the last decimal', async () => {
    const fills = [
      fillOf('1', BTC.symbol, { price: '43210.123456789012345678', amount: '0.000000000000000001' }),
      fillOf('2', BTC.symbol, { price: '1', amount: '12345678901234567890.5', fee: '-0.1' }),
      fillOf('1', ETH.symbol, { price: '0.10', amount: '1e-7' }),
    ];
    await store().recordFills(fills.slice(0, 2));
    await store().recordOrder(orderEventOf('x', 'filled', 1), [...fills, ...fills]);
    await settled(async (s) => {
      const read = await s.fills();
      expect(read.map((f) => [f.symbol, f.fillId, f.price, f.amount, f.fee])).toEqual([
        [BTC.symbol, '1', '43210.123456789012345678', '0.000000000000000001', '0.001'],
        [BTC.symbol, '2', '1', '12345678901234567890.5', '-0.1'],
        [ETH.symbol, '1', '0.1', '0.0000001', '0.001'],
      ]);
      expect((await s.restore()).fills).toEqual(read);
    });
  });

  test.each([
    ['0.0000000000000000001', /more than 18 places/],
    ['123456789012345678901', /more than 20 places/],
    ['NaN', /no decimal number/],
    ['', /no decimal number/],
    ['1,5', /no decimal number/],
  ])(
    'given the amount %j, when recorded, then it is refused whole, never rounded',
    async (amount, message) => {
      const good = fillOf('1', BTC.symbol, {});
      await expect(store().recordFills([good, fillOf('2', BTC.symbol, { amount })])).rejects.toThrow(message);
      await expect(
        store().recordOrder({ ...orderEventOf('x', 'intended', 0), filled: amount }),
      ).rejects.toMatchObject({ code: 'E_DECIMAL' });
      await expect(
        store().recordOrder(orderEventOf('x', 'filled', 0), [good, fillOf('2', BTC.symbol, { amount })]),
      ).rejects.toMatchObject({ code: 'E_DECIMAL' });
      expect(await store().fills()).toEqual([]);
      expect(await store().orderEvents()).toEqual([]);
    },
  );

  test('given fees in a third currency, when read, then each has its stored price, else the day’s, else none', async () => {
    const day = (i: number) => ({
      ...candleOf(0, seededRng(1).next),
      openMs: T0 + i * 86_400_000,
      close: 600 + i,
    });
    await store().addCandles({ ...BTC, symbol: 'BNB/USDT' }, toColumns([day(0), day(1)]), T0);
    const paidInBnb = { fee: '0.01', feeCurrency: 'BNB' };
    const later = (i: number) => ({ ...paidInBnb, atMs: T0 + i * 86_400_000 + 5 });
    await store().recordFills([
      fillOf('1', BTC.symbol, { ...paidInBnb, feePrice: '612.50' }),
      fillOf('2', BTC.symbol, later(1)),
      fillOf('3', BTC.symbol, later(2)),
      fillOf('4', BTC.symbol, later(9)),
      fillOf('5', BTC.symbol, { fee: '0.1', feeCurrency: 'USDT', atMs: T0 + 9 * 86_400_000 + 6 }),
    ]);
    await settled(async (s) => {
      const read = await s.fills();
      expect(read.map(({ feePrice }) => feePrice)).toEqual(['612.5', '601', '601', undefined, undefined]);
      expect((await s.restore()).fills).toEqual(read);
    });
  });

  test('given fills, when some are reported, then the others are restored as unreported, in the order they came', async () => {
    const fills = ['3', '1', '2'].map((id) => fillOf(id, BTC.symbol, { atMs: T0 + Number(id) }));
    await store().recordOrder(orderEventOf('x', 'accepted', 0), fills.slice(0, 2));
    await store().recordFills([...fills, fillOf('1', ETH.symbol, {})]);
    await store().recordReported([fills[1]!]);
    await store().recordReported([fills[1]!]);
    // Told of again by the exchange, it stays reported.
    await store().recordFills(fills);
    await settled(async (s) => {
      const { unreportedFills } = await s.restore();
      expect(unreportedFills.map(({ symbol, fillId }) => [symbol, fillId])).toEqual([
        [BTC.symbol, '3'],
        [BTC.symbol, '2'],
        [ETH.symbol, '1'],
      ]);
    });
  });

  test('given quarantined rows, when they come again, then nothing is added, but twins of one call stay twins', async () => {
    const row = (openMs: number, raw: string) => ({
      stream: BTC,
      openMs,
      reason: 'high_below_low',
      raw,
      atMs: T0,
    });
    const rows = [row(T0, 'a'), row(T0, 'a'), row(Number.NaN, 'b'), row(1.5, 'c')];
    await store().quarantine(rows);
    await store().quarantine(rows);
    await store().quarantine([]);
    await settled(async (s) => {
      expect((await s.quarantined()).map((r) => [r.openMs, r.raw])).toEqual([
        [T0, 'a'],
        [T0, 'a'],
        [Number.NaN, 'b'],
        [Number.NaN, 'c'],
      ]);
    });
  });

  test('given corrections, when the same one comes again, then it is kept once, and the candle stays', async () => {
    const stored = candleOf(0, seededRng(1).next);
    await store().addCandles(BTC, toColumns([stored]), T0);
    const correction = (close: number) => ({
      stream: BTC,
      stored,
      corrected: { ...stored, close },
      atMs: T0,
    });
    for (const close of [7.1, 7.2, 7.1]) await store().recordCorrection(correction(close));
    await settled(async (s) => {
      expect(await s.corrections()).toEqual([correction(7.1), correction(7.2)]);
      expect(await s.lastCandles(BTC, 1)).toEqual([stored]);
    });
  });

  test('given alerts, when some are delivered, then the others wait in order, each once', async () => {
    const alert = (id: string): Alert => ({
      id,
      code: 'A_TEST',
      severity: 'warning',
      text: `it's "${id}"; DROP TABLE alerts_outbox;`,
      figures: { n: 1.5, ok: true, what: 'x', none: null },
      atMs: T0,
    });
    for (const id of ['b', 'a', 'c', 'a']) await store().add(alert(id));
    await store().remove(['a', 'unknown']);
    await store().remove([]);
    await store().add(alert('a'));
    await settled(async (s) => {
      expect(await s.pending(10)).toEqual([alert('b'), alert('c'), alert('a')]);
      expect(await s.pending(1)).toEqual([alert('b')]);
    });
  });

  test('given halts, gaps, models and health, when recorded, then they are read back in order', async () => {
    const halts = (['HALTED', 'ACTIVE'] as const).map((state, epoch) => ({
      atMs: T0 + epoch,
      state,
      cause: 'button',
      epoch,
    }));
    for (const halt of halts) await store().recordHalt(halt);
    const gap = (stream: StreamKey, state: 'open' | 'filled') =>
      ({ stream, fromMs: T0, toMs: T0 + 3 * BAR_MS, bars: 3, state, atMs: T0 }) as const;
    await store().recordGap(gap(ETH, 'open'));
    await store().recordGap(gap(BTC, 'open'));
    await store().recordGap(gap(BTC, 'filled'));
    const model = { modelHash: 'ab', event: 'loaded', manifest: '{}', atMs: T0 } as const;
    await store().recordModel(model);
    const runs = ['{"a":1}', '{"a":2}'].map((settings, i) => ({ atMs: T0 + i, settings }));
    for (const run of runs) await store().recordRun(run);
    await store().recordHealth(
      [{ layer: 'risk', state: 'ok', lastSuccessMs: null, errorCode: null, detail: null }],
      T0,
    );
    const shadows = [0, 1].map((i) => ({
      stream: i === 0 ? ETH : BTC,
      openMs: T0 + i * BAR_MS,
      probabilityUp: 0.1 + 0.2 * i,
      probabilityUpCalibrated: 1 / 3,
      modelHash: 'cd',
    }));
    for (const shadow of shadows) await store().recordShadow(shadow);
    const rebases = [1, 2].map((i) => ({
      atMs: T0 + i,
      by: "anna's",
      peakBefore: 1e5 + 0.1 * i,
      drawdownBefore: 0.1 + 0.2,
      equity: 9e4,
    }));
    for (const rebase of rebases) await store().recordRebase(rebase);
    await settled(async (s) => {
      expect(await s.rebases()).toEqual(rebases);
      expect(await s.halts()).toEqual(halts);
      expect(await s.gaps()).toEqual([gap(BTC, 'filled'), gap(ETH, 'open')]);
      expect(await s.models()).toEqual([model]);
      expect(await s.runs()).toEqual(runs);
      expect(await s.shadowPredictions()).toEqual(shadows);
    });
  });

  test('given a table that was read before, when longer texts and later times come, then the next read is whole', async () => {
    // A statement that is kept was planned by the rows of its first run.
    for (const length of [1, 20, 300, 70_000]) {
      const model = {
        modelHash: 'ab'.repeat(32),
        event: length < 100 ? 'loaded' : 'refused',
        manifest: 'm'.repeat(length),
        atMs: T0 * length,
      } as const;
      const before = await store().models();
      await store().recordModel(model);
      expect(await store().models()).toEqual([...before, model]);
    }
  });
}
