import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { command } from '../../../src/cli/research/backtest.js';
import { toColumns } from '../../../src/core/candle.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { candleCsv } from '../../../src/research/candles/csv-writer.js';
import { captureIo } from '../../support/command-io.js';
import { KEY, randomWalk } from '../../support/tiny-stream.js';

const MODEL = fileURLToPath(new URL('../../../models/sp500-daily', import.meta.url));
const BARS = 6000;
const WALKS = {
  'BTC/USDT': toColumns(randomWalk(seededRng(31), BARS)),
  'ETH/USDT': toColumns(randomWalk(seededRng(32), BARS)),
};

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-sources-'));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string) => path.join(dir, name);

/** The same two streams as CSV files, in a database, as its export, and as Parquet files that somebody else wrote. */
beforeAll(async () => {
  mkdirSync(at('export'));
  const store = await openStore({ path: at('redbutton.duckdb'), handoverDir: at('export') });
  for (const [symbol, walk] of Object.entries(WALKS)) {
    writeFileSync(at(`${symbol.slice(0, 3)}.csv`), [...candleCsv(walk, () => {})].join(''));
    await store.addCandles({ ...KEY, symbol }, walk, Date.UTC(2030, 0, 1));
  }
  await store.queries.exportParquet(at('export'));
  await store.close();
  const instance = await DuckDBInstance.create(':memory:');
  const duck = await instance.connect();
  // Rows in no order, times as timestamps, prices with another name's column beside them.
  await duck.run(
    `COPY (SELECT make_timestamp_ms(timestamp_ms) AS "timestamp", close, low, high, open, volume, 'x' AS vendor
       FROM '${at('BTC.csv')}' ORDER BY hash(timestamp_ms)) TO '${at('foreign.parquet')}' (FORMAT parquet)`,
  );
  await duck.run(
    `COPY (SELECT timestamp_ms AS open_ms, open, high, low, CASE WHEN timestamp_ms % 7 = 3 THEN NULL ELSE close END AS close,
       -volume AS volume FROM '${at('BTC.csv')}') TO '${at('spoilt.parquet')}' (FORMAT parquet)`,
  );
  await duck.run(
    `COPY (SELECT timestamp_ms AS open_ms, close FROM '${at('BTC.csv')}') TO '${at('narrow.parquet')}' (FORMAT parquet)`,
  );
  duck.closeSync();
  instance.closeSync();
}, 120_000);

async function backtest(...args: string[]) {
  const io = captureIo();
  const code = await command.run(['--model', MODEL, '--threshold', '0.05', '--json', ...args], io);
  return { code, told: JSON.parse(io.out()) };
}

describe('backtest --candles', () => {
  it('trades the same from CSV, Parquet, an export and a database', async () => {
    const csv = await backtest(
      '--candles',
      at('BTC.csv'),
      '--symbol',
      'BTC/USDT',
      '--exchange',
      KEY.exchange,
    );
    expect(csv.told.bars).toBe(BARS);
    expect(csv.told.fills).toBeGreaterThan(20);
    for (const args of [
      ['--candles', at('export'), '--symbol', 'BTC/USDT'],
      ['--candles', at('redbutton.duckdb'), '--symbol', 'BTC/USDT'],
      ['--candles', `BTC/USDT=${at('foreign.parquet')}`],
    ]) {
      expect((await backtest(...args, '--exchange', KEY.exchange)).told, args.join(' ')).toEqual(csv.told);
    }
  });

  it('trades several symbols with one account, from files of their own or from one place', async () => {
    const files = await backtest(
      '--candles',
      `BTC/USDT=${at('BTC.csv')}`,
      '--candles',
      `ETH/USDT=${at('ETH.csv')}`,
    );
    expect(files.told.bars).toBe(2 * BARS);
    const report = at('both.html');
    const place = await backtest('--candles', at('export'), '--report', report);
    expect(place.told.metrics).toEqual(files.told.metrics);
    expect(place.told.finalEquity).toBe(files.told.finalEquity);
    const page = readFileSync(report, 'utf8');
    for (const words of ['2 markets, 1h', 'BTC/USDT price', 'ETH/USDT price', 'BTC/USDT, candles (rows)'])
      expect(page).toContain(words);
    for (const symbol of ['BTC/USDT', 'ETH/USDT'])
      expect(page).toContain(`<td class="t">${symbol}</td><td>long</td>`);
  });

  it('lets orders walk a book of finite depth, and costs more by it', async () => {
    const common = ['--candles', at('BTC.csv'), '--symbol', 'BTC/USDT', '--half-spread', '5'];
    const endless = await backtest(...common);
    const deep = await backtest(...common, '--book-share', '0.01');
    expect(deep.told.finalEquity).toBeLessThan(endless.told.finalEquity);
  });

  it('refuses what it cannot trade, and says why', async () => {
    const run = (...args: string[]) => backtest(...args);
    await expect(run('--candles', at('narrow.parquet'))).rejects.toMatchObject({
      code: 'E_PARQUET_COLUMN',
      exitCode: 2,
    });
    await expect(run('--candles', at('spoilt.parquet'))).rejects.toMatchObject({
      code: 'E_NO_CANDLES',
      message: expect.stringMatching(/non_finite|non_positive_volume/),
    });
    await expect(run('--candles', at('export'), '--symbol', 'XRP/USDT')).rejects.toMatchObject({
      code: 'E_BACKTEST_INPUT',
      message: expect.stringContaining('BTC/USDT 1h, ETH/USDT 1h'),
    });
    await expect(run('--candles', at('export'), '--candles', at('export'))).rejects.toMatchObject({
      code: 'E_BACKTEST_INPUT',
      message: expect.stringContaining('there twice'),
    });
    await expect(run('--candles', at('nowhere.parquet'))).rejects.toMatchObject({ code: 'E_FILE_MISSING' });
    writeFileSync(at('torn.parquet'), readFileSync(at('foreign.parquet')).subarray(0, 2000));
    await expect(run('--candles', at('torn.parquet'))).rejects.toMatchObject({ code: 'E_PARQUET' });
    await expect(
      run('--candles', at('BTC.csv'), '--fitted-from', at('redbutton.duckdb')),
    ).rejects.toMatchObject({
      code: 'E_NO_FILLS',
    });
  });
});
