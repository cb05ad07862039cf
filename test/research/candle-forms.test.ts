import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type Candle, candleAt } from '../../src/core/candle.js';
import type { RedbuttonError } from '../../src/core/errors.js';
import { readCandlesCsv } from '../../src/research/candles/candle-file.js';
import { judgementOf, loadCandles, mustHaveCandles } from '../../src/research/candles/load-candles.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-forms-'));
afterAll(() => rmSync(dir, { recursive: true }));

let count = 0;
function file(content: string | Uint8Array): string {
  const name = path.join(dir, `${count++}.csv`);
  writeFileSync(name, content);
  return name;
}
const failure = (content: string | Uint8Array): Promise<RedbuttonError> =>
  readCandlesCsv(file(content)).then(
    () => expect.fail('it was read'),
    (error: RedbuttonError) => error,
  );
const load = (content: string) => loadCandles(file(content), { rules: 'strict', nowMs: Date.UTC(2030, 0) });

const AT = Date.UTC(2024, 0, 1);
/** open, high, low, close, volume. */
const BAR = '10.5,12,9,11,5';
const WANTED: Candle = { openMs: AT, open: 10.5, high: 12, low: 9, close: 11, volume: 5 };
const HOURS = (units: number, scale = 1) =>
  Array.from({ length: units }, (_, i) => `${(AT + i * 3_600_000) * scale},${BAR}`).join('\n');

describe('a candle file in the form of', () => {
  it.each([
    ['Binance public data', `${AT},${BAR},${AT + 3599999},50,3,1,2,0`],
    ['Binance public data', `${AT}000,${BAR},${AT + 3599999}999,50,3,1,2,0`],
    [
      'Binance public data',
      `open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n${AT},${BAR},${AT + 3599999},50,3,1,2,0`,
    ],
    ['Kraken', `${AT / 1000},${BAR},17`],
    ['Coinbase', `time,low,high,open,close,volume\n${AT / 1000},9,12,10.5,11,5`],
    ['Coinbase', `${AT / 1000},9,12,10.5,11,5`],
    [
      'CryptoDataDownload',
      `https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n${AT},2024-01-01 00:00:00,BTC/USD,${BAR},55`,
    ],
    ['TradingView', `time,open,high,low,close,Volume\n${AT / 1000},${BAR}`],
    ['TradingView', `time,open,high,low,close,Volume,RSI\n2024-01-01T01:00:00+01:00,${BAR},50`],
    ['MetaTrader 4', `2024.01.01,00:00,${BAR}`],
    [
      'MetaTrader 5',
      `<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n2024.01.01\t00:00:00\t10.5\t12\t9\t11\t5\t0\t2`,
    ],
    ['Yahoo', 'Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-01,10.5,12,9,11,8,5'],
    [
      'yfinance',
      'Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n2024-01-01,11,12,9,10.5,5',
    ],
    [
      'Stooq',
      '<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\nAAPL.US,60,20240101,000000,10.5,12,9,11,5,0',
    ],
    [
      'Alpaca',
      `symbol,timestamp,open,high,low,close,volume,trade_count,vwap\nAAPL,2024-01-01 00:00:00+00:00,${BAR},9,10`,
    ],
    ['Alpaca', `t,o,h,l,c,v,n,vw\n2024-01-01T00:00:00Z,${BAR},9,10`],
    ['CSV', `"date";"open";"high";"low";"close";"volume"\r\n"2024-01-01";"10,5";"12,0";"9";"11";"5"`],
    ['CSV', `sep=;\ndate;open;high;low;close;volume\n2024-01-01;10,5;12;9;11;5`],
    ['CSV', `timestamp_ms,open,high,low,close,volume\r${AT},${BAR}\r`],
    ['CSV', `note,date,open,high,low,close,volume\n"two\nlines, ""quoted""",2024-01-01T00:00Z,${BAR}`],
  ])('%s is read', async (format, text) => {
    const read = await readCandlesCsv(file(text));
    expect(read.format).toBe(format);
    expect(candleAt(read.columns, 0)).toEqual(WANTED);
    expect(read.columns.length).toBe(1);
  });

  it('UTF-16, a zip or a gzip is read, and a damaged zip is none', async () => {
    const text = `date,open,high,low,close,volume\n2024-01-01,${BAR}\n`;
    const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    const zip = zipped('BTC.csv', text);
    for (const stored of [wide, zip, gzipSync(text)]) {
      expect(candleAt((await readCandlesCsv(file(stored))).columns, 0)).toEqual(WANTED);
    }
    const spoilt = Buffer.from(zip);
    spoilt.writeUInt32LE(1, zip.length - 22 - 46 - 'BTC.csv'.length + 16);
    expect(await failure(spoilt)).toMatchObject({ code: 'E_GZIP', exitCode: 2 });
    expect((await failure(zip.subarray(0, zip.length - 30))).message).toMatch(/ends in the middle/);
  });

  it('several markets is refused, and so is one whose columns have no known order', async () => {
    const two = `symbol,timestamp,open,high,low,close,volume\nA,2024-01-01,${BAR}\nB,2024-01-02,${BAR}`;
    expect((await failure(two)).message).toMatch(/:3 is of "B", the rows before of "A"/);
    expect((await failure(`${AT},1,2,3,4,5`)).message).toMatch(
      /no header, and its prices stand in no known order/,
    );
  });

  it('CryptoDataDownload with mixed units is read by its dates, and says so', async () => {
    const rows = `${AT / 1000},2024-01-01 00:00:00,A,${BAR},1\n${AT + 3_600_000},2024-01-01 01:00:00,A,${BAR},1`;
    const read = await readCandlesCsv(
      file(`unix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n${rows}`),
    );
    expect([...read.columns.openMs]).toEqual([AT, AT + 3_600_000]);
    expect(read.notes.join()).toMatch(/mixes units/);
  });

  it('RFC 4180 keeps its lines, also where cells have line ends in them', async () => {
    const read = await readCandlesCsv(
      file(
        `note,date,open,high,low,close,volume\n"a\r\nb",2024-01-01,${BAR}\n\n"c""\n",2024-01-02,${BAR}\nd,2024-01-03,${BAR}`,
      ),
    );
    expect([0, 1, 2].map((i) => read.line(i))).toEqual([2, 5, 7]);
    const raws: string[] = [];
    for await (const raw of read.raws([0, 2])) raws.push(raw);
    expect(raws).toEqual([`"a\r\nb",2024-01-01,${BAR}`, `d,2024-01-03,${BAR}`]);
    expect((await failure(`date,open,high,low,close,volume\n"2024-01-01,${BAR}\n`)).message).toMatch(
      /:2 opens a quote that nothing closes/,
    );
  });
});

describe('times', () => {
  it.each([
    ['seconds', 1e-3],
    ['milliseconds', 1],
    ['microseconds', 1e3],
    ['nanoseconds', 1e6],
  ])('in %s are told by their range', async (_, scale) => {
    const { candles } = await load(`timestamp_ms,open,high,low,close,volume\n${HOURS(3, scale)}`);
    expect([...candles.openMs]).toEqual([AT, AT + 3_600_000, AT + 7_200_000]);
  });

  it('in two units are refused whole, and both are named with their lines', async () => {
    const error = await failure(`timestamp_ms,open,high,low,close,volume\n${HOURS(2)}\n${HOURS(2, 1000)}`);
    expect(error).toMatchObject({ code: 'E_TIME_UNIT', exitCode: 2 });
    expect(error.message).toMatch(/milliseconds \(from line 2 on\) and microseconds \(from line 4 on\)/);
  });

  it('of no unit, or rounded by a spreadsheet, are refused', async () => {
    const of = (time: string) => failure(`timestamp,open,high,low,close,volume\n${time},${BAR}`);
    expect(await of('45292.5')).toMatchObject({ code: 'E_TIME_UNIT' });
    expect((await of('1.70407E+12')).message).toMatch(/"1\.70407E\+12"/);
  });

  it('of a closing are brought back to the opening, and that is told', async () => {
    const rows = [1, 2, 3].map((i) => `${AT + i * 60_000 - 1},${BAR}`).join('\n');
    const { candles, notes } = await load(`timestamp_ms,open,high,low,close,volume\n${rows}`);
    expect([...candles.openMs]).toEqual([AT, AT + 60_000, AT + 120_000]);
    expect(notes.join()).toMatch(/closing/);
  });

  it.each([
    ['New York', ['2024-03-08T05:00Z', '2024-03-11T04:00Z', '2024-03-12T04:00Z']],
    ['Berlin', ['2024-03-27T23:00Z', '2024-03-28T23:00Z', '2024-03-31T22:00Z']],
    ['Kolkata', ['2024-03-07T18:30Z', '2024-03-10T18:30Z', '2024-03-11T18:30Z']],
  ])('at the midnight of %s are days of that market', async (zone, days) => {
    const rows = days.map((day) => `${day},${BAR}`).join('\n');
    const { candles, notes, quarantined } = await load(`date,open,high,low,close,volume\n${rows}`);
    expect(quarantined).toEqual([]);
    expect([...candles.openMs].every((time) => time % 86_400_000 === 0)).toBe(true);
    expect(new Date(candles.openMs[0]!).getUTCDay()).toBeGreaterThan(0);
    expect(notes.join()).toContain(zone.replace(' ', '_'));
  });
});

describe('the judgement of a file', () => {
  it('keeps bars without a trade, and counts the others with their first lines', async () => {
    const bad = `${AT + 36_000_000},1,2,3,1,5\n${AT + 39_600_000 + 1},${BAR}`;
    const loaded = await load(
      `timestamp_ms,open,high,low,close,volume\n${HOURS(10)}\n${bad}\n${AT + 43_200_000},1,1,1,1,0`,
    );
    expect(judgementOf(loaded)).toMatchObject({ rows: 13, kept: 11, quarantined: 2 });
    expect(judgementOf(loaded).reasons).toEqual([
      { reason: 'high_below_low', count: 1, firstLine: 12 },
      { reason: 'misaligned', count: 1, firstLine: 13 },
    ]);
    await mustHaveCandles(loaded, 'strict');
  });

  it('ends where more than a tenth is in quarantine, unless that is allowed', async () => {
    const off = Array.from({ length: 12 }, (_, i) => `${AT + (100 + i) * 3_600_000 + 60_000},${BAR}`);
    const loaded = await load(`timestamp_ms,open,high,low,close,volume\n${HOURS(90)}\n${off.join('\n')}`);
    await expect(mustHaveCandles(loaded, 'strict')).rejects.toMatchObject({
      code: 'E_QUARANTINED',
      exitCode: 2,
      message: expect.stringMatching(/12 misaligned \(first in line 92\); bars of 1h begin at 04:01/),
    });
    await mustHaveCandles(loaded, 'strict', true);
  });

  it('reports a jump that looks like a split', async () => {
    const rows = [100, 101, 50.4].map((p, i) => `${AT + i * 86_400_000},${p},${p},${p},${p},1`);
    const { notes, candles } = await load(`timestamp_ms,open,high,low,close,volume\n${rows.join('\n')}`);
    expect(candles.length).toBe(3);
    expect(notes.join()).toMatch(/as at a split.*2024-01-03.* opens at 50\.4 after a close of 101/);
  });
});

/** A zip archive with one file in it. */
function zipped(name: string, text: string): Buffer {
  const data = deflateRawSync(text);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(crc32(text), 16);
  central.writeUInt32LE(data.length, 20);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(30 + name.length + data.length, 16);
  return Buffer.concat([local, Buffer.from(name), data, central, Buffer.from(name), end]);
}
