import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { candleAt, streamName, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { moneyAndAudit, type WholeStore } from './store-money.js';
import { BAR_MS, BTC, barOf, candleOf, ETH, T0 } from './store-rows.js';

/** One store under test. `reopen` is there where the store outlives its process. */
export interface StoreUnderTest {
  readonly store: WholeStore;
  readonly reopen?: () => Promise<WholeStore>;
  readonly dispose: () => Promise<void>;
}

/** What every store must do, whatever it is made of. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: WholeStore;
    beforeEach(async () => {
      under = await open();
      store = under.store;
    });
    afterEach(async () => {
      await under.dispose();
    });
    /** The same rows must be there before and after a restart. */
    const settled = async (check: (store: WholeStore) => Promise<void>) => {
      await check(store);
      if (under.reopen) {
        store = await under.reopen();
        await check(store);
      }
    };

    test('given bars of every kind, when read back, then every value is the same, bit for bit', async () => {
      const rng = seededRng(20_251_122).next;
      const records = Array.from({ length: 60 }, (_, i) => barOf(i % 3 === 0 ? ETH : BTC, i, { rng }));
      for (const record of records) await store.commitBar(record);
      await settled(async (s) => {
        expect(await s.decisions()).toEqual(records.filter((record) => record.decided));
        expect(await s.equityCurve()).toEqual(records.flatMap((r) => (r.account ? [r.account] : [])));
      });
    });

    test('given awkward doubles, when read back, then signs of zero, subnormals and extremes are kept', async () => {
      const awkward = [
        0,
        -0,
        5e-324,
        -5e-324,
        1.7976931348623157e308,
        0.1 + 0.2,
        1 / 3,
        -1e-300,
        2 ** 53 + 2,
      ];
      for (const [i, value] of awkward.entries()) {
        const record = barOf(BTC, i, { rng: seededRng(i).next });
        await store.commitBar({
          ...record,
          decided: true,
          features: Float64Array.of(value, -value, Number.NaN, 1, 2, 3, 4, 5, 6, 7),
          account: {
            atMs: T0,
            equity: value,
            cash: -value,
            peakEquity: 1,
            drawdown: 0,
            breakerTripped: false,
            dayMs: T0,
            dayStartEquity: value,
            dayLowEquity: -value,
          },
        });
      }
      await settled(async (s) => {
        const read = await s.decisions();
        expect(read).toHaveLength(awkward.length);
        for (const [i, value] of awkward.entries()) {
          expect(Object.is(read[i]!.account!.equity, value)).toBe(true);
          expect(Object.is(read[i]!.account!.cash, -value)).toBe(true);
          expect(
            [value, -value, Number.NaN].map((want, j) => Object.is(read[i]!.features![j], want)),
          ).toEqual([true, true, true]);
        }
      });
    });

    test('given a stored bar, when the same bar comes again, then nothing is added; with another candle it is refused', async () => {
      const record = barOf(BTC, 0, { rng: seededRng(1).next, decided: true });
      await store.commitBar(record);
      await store.commitBar(record);
      const changed = { ...record, candle: { ...record.candle, close: record.candle.close + 1e-9 } };
      await expect(store.commitBar(changed)).rejects.toMatchObject({ code: 'E_BAR_CONFLICT' });
      await settled(async (s) => {
        await s.commitBar(record);
        await expect(s.commitBar(changed)).rejects.toMatchObject({ code: 'E_BAR_CONFLICT' });
        expect(await s.decisions()).toEqual([record]);
        expect((await s.candles(BTC)).length).toBe(1);
      });
    });

    test('given a bar stored as history, when it is committed with a decision, then the decision is added once', async () => {
      const record = barOf(BTC, 5, { rng: seededRng(2).next, decided: true });
      await store.addCandles(BTC, toColumns([record.candle]), record.availableAtMs);
      await store.commitBar(record);
      await store.commitBar({ ...record, decidedAtMs: T0 });
      await settled(async (s) => {
        expect(await s.decisions()).toEqual([record]);
        const known = await s.knownCandles(BTC);
        expect([known.length, known.close[0], known.availableAtMs[0]]).toEqual([
          1,
          record.candle.close,
          record.availableAtMs,
        ]);
      });
    });

    test('given a gap, when the missing bar comes late, then it stands in its place', async () => {
      const bars = [0, 1, 2, 3].map((i) => barOf(BTC, i, { rng: seededRng(i).next, decided: false }));
      for (const i of [0, 3, 1, 2]) await store.commitBar(bars[i]!);
      await settled(async (s) => {
        expect([...(await s.candles(BTC)).openMs]).toEqual(bars.map((bar) => bar.candle.openMs));
        expect(await s.lastCandles(BTC, 2)).toEqual([bars[2]!.candle, bars[3]!.candle]);
      });
    });

    test('given a record that contradicts itself, when committed, then it is refused and nothing is stored', async () => {
      const record = barOf(BTC, 0, { rng: seededRng(3).next, decided: true });
      const wrong = {
        ...record,
        prediction: { ...record.prediction!, openMs: record.candle.openMs + BAR_MS },
      };
      await expect(store.commitBar(wrong)).rejects.toThrow(/broken invariant/);
      expect((await store.candles(BTC)).length).toBe(0);
      await store.commitBar(record);
      expect(await store.decisions()).toEqual([record]);
    });

    test('given history, when added twice and with twins and overlaps, then each candle is there once and the first counts', async () => {
      const rng = seededRng(4).next;
      const first = Array.from({ length: 3000 }, (_, i) => candleOf(i, rng));
      expect(await store.addCandles(BTC, toColumns(first), T0)).toBe(3000);
      expect(await store.addCandles(BTC, toColumns(first), T0)).toBe(0);
      const later = Array.from({ length: 3000 }, (_, i) => candleOf(i + 2000, rng));
      const descendingWithTwins = [...later, { ...later[2500]!, close: 1 }, ...later.slice(0, 10)].reverse();
      expect(await store.addCandles(BTC, toColumns(descendingWithTwins), T0)).toBe(2000);
      expect(await store.addCandles(ETH, toColumns(first), T0)).toBe(3000);
      await settled(async (s) => {
        const read = await s.candles(BTC);
        expect(read.length).toBe(5000);
        expect(candleAt(read, 1999)).toEqual(first[1999]);
        expect(candleAt(read, 2500)).toEqual(first[2500]);
        expect(candleAt(read, 4999)).toEqual(later[2999]);
        expect(candleAt(read, 4500).close).toBe(1);
        expect(await s.addCandles(BTC, toColumns(first), T0)).toBe(0);
      });
    });

    test('given no candles, when asked, then answers are empty', async () => {
      expect(await store.addCandles(BTC, toColumns([]), T0)).toBe(0);
      expect(await store.lastCandles(BTC, 5)).toEqual([]);
      expect((await store.candles(BTC)).length).toBe(0);
      expect(await store.restore()).toEqual({
        account: null,
        fills: [],
        unreportedFills: [],
        flows: [],
        lastActedBarMs: {},
        holdings: {},
        openOrders: [],
        outcomes: [],
      });
    });

    test('given many streams, when filtered, then only what was asked for is read', async () => {
      const rng = seededRng(5).next;
      const records = Array.from({ length: 20 }, (_, i) =>
        [BTC, ETH].map((key) => barOf(key, i, { rng, decided: true })),
      ).flat();
      for (const record of records) await store.commitBar(record);
      const filter = { stream: ETH, fromMs: T0 + 5 * BAR_MS, toMs: T0 + 9 * BAR_MS };
      await settled(async (s) => {
        expect(await s.decisions(filter)).toEqual(
          records.filter(
            (r) => r.stream === ETH && r.candle.openMs >= filter.fromMs && r.candle.openMs < filter.toMs,
          ),
        );
        expect((await s.candles(ETH, filter.fromMs, filter.toMs)).length).toBe(4);
        expect((await s.predictions({ fromMs: T0 + 19 * BAR_MS })).map((p) => streamName(p.stream))).toEqual(
          records.slice(-2).flatMap((r) => (r.prediction ? [streamName(r.stream)] : [])),
        );
      });
    });

    test('given outcomes, when recorded again, then equal ones pass and others are refused', async () => {
      const records = [0, 1, 2].map((i) =>
        barOf(BTC, i, { rng: seededRng(i).next, decided: true, predicted: true }),
      );
      const [first, second] = records.map((record) => record.candle.openMs) as [number, number];
      await store.commitBar(records[0]!);
      await store.commitBar(records[1]!, [{ openMs: first, up: true }]);
      await store.commitBar(records[1]!, [{ openMs: first, up: true }]);
      await store.commitBar(records[2]!, [{ openMs: second, up: false }]);
      const later = barOf(BTC, 3, { rng: seededRng(3).next });
      await expect(store.commitBar(later, [{ openMs: first, up: false }])).rejects.toMatchObject({
        code: 'E_OUTCOME_CONFLICT',
      });
      await settled(async (s) => {
        expect((await s.lastCandles(BTC, 9)).map((c) => c.openMs)).toEqual(
          records.map((r) => r.candle.openMs),
        );
        expect((await s.predictions()).map((p) => p.up)).toEqual([true, false, null]);
        expect((await s.restore()).outcomes).toEqual(
          records.map((r, i) => ({
            stream: streamName(BTC),
            openMs: r.candle.openMs,
            probabilityUp: r.prediction!.probabilityUp,
            up: [true, false, null][i]!,
          })),
        );
      });
    });

    test('given an acted-on signal, when restored, then its bar and the last account are known', async () => {
      const rng = seededRng(6).next;
      const acted = barOf(BTC, 1, { rng, decided: true, risk: 'order' });
      const refused = barOf(BTC, 2, { rng, decided: true, risk: 'denial' });
      const other = barOf(ETH, 0, { rng, decided: true, risk: 'order' });
      for (const record of [acted, refused, other]) await store.commitBar(record);
      await settled(async (s) => {
        const restored = await s.restore();
        expect(restored.lastActedBarMs).toEqual({
          [streamName(BTC)]: acted.candle.openMs,
          [streamName(ETH)]: other.candle.openMs,
        });
        expect(restored.account).toEqual(other.account);
      });
    });

    moneyAndAudit(() => store, settled);

    test('given calls that overlap, when one fails, then the others are done in the order they came', async () => {
      const rng = seededRng(7).next;
      const records = Array.from({ length: 20 }, (_, i) => barOf(BTC, i, { rng, decided: true }));
      const conflict = { ...records[3]!, candle: { ...records[3]!.candle, close: 1e9 } };
      const results = await Promise.allSettled([
        ...records.map((record) => store.commitBar(record)),
        store.commitBar(conflict),
        store.add({ id: 'x', code: 'A', severity: 'info', text: 't', figures: {}, atMs: T0 }),
      ]);
      expect(results.map((result) => result.status)).toEqual([
        ...records.map(() => 'fulfilled'),
        'rejected',
        'fulfilled',
      ]);
      expect(await store.decisions()).toEqual(records);
      expect(await store.pending(5)).toHaveLength(1);
    });

    test('given bars of many streams at once, when one is refused, then the others are stored', async () => {
      const keys = Array.from({ length: 20 }, (_, i) => ({ ...BTC, symbol: `S${i}/USDT` }));
      const records = keys.map((key, i) => barOf(key, 0, { rng: seededRng(i).next, decided: true }));
      await store.commitBar(records[7]!);
      const later = keys.map((key, i) => barOf(key, 1, { rng: seededRng(i).next, decided: true }));
      const results = await Promise.allSettled(
        [...records, ...later].map((record, i) =>
          store.commitBar(i === 7 ? { ...record, candle: { ...record.candle, close: 1 } } : record),
        ),
      );
      expect(results.flatMap((result, i) => (result.status === 'rejected' ? [i] : []))).toEqual([7]);
      await settled(async (s) => {
        expect(await s.decisions()).toHaveLength(40);
        for (const [i, key] of keys.entries())
          expect(await s.decisions({ stream: key })).toEqual([records[i], later[i]]);
      });
    });

    test('given a closed store, when used, then it says so; closing twice is fine', async () => {
      await store.close();
      await store.close();
      for (let i = 0; i < 2; i++)
        await expect(store.commitBar(barOf(BTC, 0, { rng: seededRng(1).next }))).rejects.toMatchObject({
          code: 'E_STORE_CLOSED',
        });
      await expect(store.lastCandles(BTC, 1)).rejects.toMatchObject({ code: 'E_STORE_CLOSED' });
    });
  });
}
