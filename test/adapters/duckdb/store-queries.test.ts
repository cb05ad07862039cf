import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DuckStore, openStore } from '../../../src/adapters/duckdb/index.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BAR_MS, BTC, barOf, ETH, fillOf, orderEventOf, T0 } from '../../contract/store-rows.js';

let dir: string;
let store: DuckStore;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-queries-'));
  mkdirSync(path.join(dir, 'handover'));
  store = await openStore({ path: path.join(dir, 'a.duckdb'), handoverDir: path.join(dir, 'handover') });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

const bar = (i: number, stream = BTC) =>
  barOf(stream, i, { rng: seededRng(i).next, decided: true, predicted: true });

describe('a query beside the writer', () => {
  it('answers in JSON values, says what it left out, and changes nothing', async () => {
    for (let i = 0; i < 5; i++) await store.commitBar(bar(i));
    const sql = 'SELECT open_ms, close, decided FROM candles JOIN decisions USING (open_ms) ORDER BY 1';
    const answer = await store.queries.query(sql, 3);
    expect(answer.columns).toEqual(['open_ms', 'close', 'decided']);
    expect(answer.rows[1]).toEqual([String(T0 + BAR_MS), bar(1).candle.close, true]);
    expect([answer.rows.length, answer.truncated]).toEqual([3, true]);
    expect((await store.queries.query(sql, 5)).truncated).toBe(false);
  });

  it.each([
    'DELETE FROM candles',
    'DROP TABLE candles',
    'SELECT 1; DELETE FROM candles',
    'EXPLAIN ANALYZE DELETE FROM candles',
    "COPY candles TO 'HANDOVER/x.csv'",
    "ATTACH 'HANDOVER/x.duckdb'",
    'SET enable_external_access = true',
    'CHECKPOINT',
    'SELEC 1',
    "SELECT * FROM read_text('SECRET')",
    "SELECT * FROM 'SECRET'",
    "SELECT * FROM glob('/etc/*')",
    '',
  ])('refuses %s', async (sql) => {
    const secret = path.join(dir, 'secret.csv');
    writeFileSync(secret, 'key\nvalue\n');
    await store.commitBar(bar(0));
    const asked = sql.replace('HANDOVER', path.join(dir, 'handover')).replace('SECRET', secret);
    await expect(store.queries.query(asked, 10)).rejects.toMatchObject({ code: 'E_QUERY' });
    expect((await store.lastCandles(BTC, 9)).length).toBe(1);
    expect(readdirSync(path.join(dir, 'handover'))).toEqual([]);
    await store.commitBar(bar(1));
  });
});

describe('a backup', () => {
  it('made while bars are written is of one moment, whole, and opens as a store', async () => {
    await store.recordOrder(orderEventOf('o', 'filled', 1), [fillOf('1', BTC.symbol, {})]);
    for (let i = 0; i < 50; i++) await store.commitBar(bar(i));
    const file = path.join(dir, 'handover', 'b.duckdb');
    let written = 50;
    let done = false;
    const writing = (async () => {
      while (!done) await store.commitBar(bar(written++));
    })();
    await store.queries.backup(file);
    done = true;
    await writing;
    const copy = await openStore({ path: file, readOnly: true });
    try {
      const candles = await copy.candles(BTC);
      expect(candles.length).toBeGreaterThanOrEqual(50);
      expect(candles.length).toBeLessThanOrEqual(written);
      // A bar's candle and decision are of one transaction: the copy holds both or neither.
      expect((await copy.decisions()).length).toBe(candles.length);
      expect((await copy.decisions()).slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, i) => bar(i)));
      expect(await copy.fills()).toEqual(await store.fills());
    } finally {
      await copy.close();
    }
    await expect(store.queries.backup(file)).rejects.toMatchObject({ code: 'E_BACKUP' });
  });
});

describe('an export', () => {
  it('lies in folders by exchange, symbol and month, and reads back as it was stored', async () => {
    for (let i = 0; i <= 800; i += 100) {
      await store.commitBar(bar(i));
      await store.commitBar(bar(i, ETH));
    }
    const out = path.join(dir, 'handover', 'export');
    mkdirSync(out);
    const rows = await store.queries.exportParquet(out, { fromMs: T0 + 100 * BAR_MS });
    expect(rows).toMatchObject({ candles: 16, decisions: 16, fills: 0 });
    expect(readdirSync(path.join(out, 'candles', 'exchange=binance'))).toEqual(['symbol=BTC%2FUSDT']);
    expect(readdirSync(path.join(out, 'candles', 'exchange=binance', 'symbol=BTC%2FUSDT'))).toEqual([
      'month=2024-01',
      'month=2024-02',
    ]);
    const { rows: read } = await store.queries.query(
      `SELECT open_ms, close, timeframe FROM read_parquet('${out}/candles/**/*.parquet', hive_partitioning = true)
         WHERE symbol = 'BTC/USDT' ORDER BY open_ms`,
      100,
    );
    expect(read).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((i) => [String(T0 + i * 100 * BAR_MS), bar(i * 100).candle.close, '1h']),
    );
  });
});
