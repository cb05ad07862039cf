import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { candleAt } from '../../src/core/candle.js';
import { RedbuttonError } from '../../src/core/errors.js';
import { readCandlesCsv } from '../../src/research/candles/candle-file.js';
import { parseNumber } from '../../src/research/candles/csv-number.js';
import { parseDate } from '../../src/research/candles/csv-time.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-candles-'));
afterAll(() => rmSync(dir, { recursive: true }));

const HEADER = 'timestamp_ms,open,high,low,close,volume';
let count = 0;
function file(content: string | Uint8Array): string {
  const name = path.join(dir, `${count++}.csv`);
  writeFileSync(name, content);
  return name;
}

async function failure(target: string): Promise<RedbuttonError> {
  const error = await readCandlesCsv(target).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RedbuttonError);
  return error as RedbuttonError;
}

describe('readCandlesCsv', () => {
  it('reads rows in the order of the file, whatever the order of the columns', async () => {
    const read = await readCandlesCsv(
      file('volume,close,low,high,open,timestamp_ms,note\r\n5,1.5,1,2,1.25,2000,x\r\n6,1,1,1,1,1000,\r\n'),
    );
    expect(read.columns.length).toBe(2);
    expect(candleAt(read.columns, 0)).toEqual({
      openMs: 2000,
      open: 1.25,
      high: 2,
      low: 1,
      close: 1.5,
      volume: 5,
    });
    for await (const raw of read.raws([0])) expect(raw).toBe('5,1.5,1,2,1.25,2000,x');
    expect(read.line(1)).toBe(3);
  });

  it('reads dates as UTC midnight and leaves adjclose out', async () => {
    const read = await readCandlesCsv('node_modules/vega-datasets/data/sp500-2000.csv');
    expect(read.columns.length).toBeGreaterThan(5000);
    expect(candleAt(read.columns, 0)).toEqual({
      openMs: Date.UTC(2000, 0, 3),
      open: 1469.25,
      high: 1478,
      low: 1438.359985,
      close: 1455.219971,
      volume: 931800000,
    });
  });

  it('knows gzip by its bytes, and hashes what is stored', async () => {
    const text = `${HEADER}\n1,2,3,1,2,9\n`;
    const plain = await readCandlesCsv(file(text));
    const packed = await readCandlesCsv(file(gzipSync(text)));
    expect(packed.columns).toEqual(plain.columns);
    expect(packed.sha256).not.toBe(plain.sha256);
    expect(packed.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes nan, inf and an empty cell as values, skips blank lines and a byte order mark', async () => {
    const read = await readCandlesCsv(file(`\ufeff${HEADER}\n\n1,nan,inf,-Infinity,,NaN\n\r\n2, 3 ,3,3,3,1`));
    expect(read.columns.length).toBe(2);
    expect([...read.columns.high, ...read.columns.low]).toEqual([
      Number.POSITIVE_INFINITY,
      3,
      Number.NEGATIVE_INFINITY,
      3,
    ]);
    expect(read.columns.close[0]).toBeNaN();
    expect(read.columns.open[1]).toBe(3);
    expect(read.line(1)).toBe(5);
  });

  it.each([
    ['nothing at all', '', 'E_CSV_EMPTY', /is empty/],
    ['a header only', `${HEADER}\n`, 'E_CSV_EMPTY', /no rows/],
    [
      'a missing column',
      'timestamp_ms,open,high,low,close\n1,2,3,4,5\n',
      'E_CSV_COLUMN',
      /:1 has no column "volume"/,
    ],
    ['no time', 'open,high,low,close,volume\n', 'E_CSV_COLUMN', /"timestamp_ms" or "date"/],
    ['a column twice', `${HEADER},open\n`, 'E_CSV_COLUMN', /more than one column "open"/],
    [
      'text in a number',
      `${HEADER}\n1,2,3,1,2,9\n2,2,x,1,2,9\n`,
      'E_CSV_LINE',
      /:3 holds no number in column "high": "x"/,
    ],
    ['a hexadecimal number', `${HEADER}\n1,2,0x10,1,2,9\n`, 'E_CSV_LINE', /:2 holds no number/],
    [
      'a line cut off',
      `${HEADER}\n1,2,3,1,2,9\n2,2,3\n`,
      'E_CSV_LINE',
      /:3 has 3 fields where the header has 6/,
    ],
    ['a field too many', `${HEADER}\n1,2,3,1,2,9,9\n`, 'E_CSV_LINE', /:2 has 7 fields/],
    [
      'an impossible date',
      'date,open,high,low,close,volume\n2023-02-30,1,1,1,1,1\n',
      'E_CSV_LINE',
      /no ISO date/,
    ],
    ['control characters', `${HEADER}\n1,\u001b[2J,3,1,2,9\n`, 'E_CSV_LINE', /"\\u001b\[2J"/],
  ])('refuses %s in one sentence with the place and the remedy', async (_, content, code, message) => {
    const target = file(content);
    const error = await failure(target);
    expect(error.code).toBe(code);
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(target)).toBe(true);
    expect(error.message).not.toContain('\n');
    expect(error.remedy).not.toBe('');
  });

  it('refuses a gzip cut off in the middle, a damaged one, a folder and a missing file', async () => {
    const packed = gzipSync(`${HEADER}\n${'1,2,3,1,2,9\n'.repeat(1000)}`);
    expect((await failure(file(packed.subarray(0, packed.length - 9)))).message).toMatch(
      /ends in the middle/,
    );
    const damaged = Uint8Array.from(packed);
    damaged[20] = damaged[20]! ^ 0xff;
    expect((await failure(file(damaged))).code).toBe('E_GZIP');
    expect((await failure(dir)).code).toBe('E_FILE_UNREADABLE');
    expect((await failure(path.join(dir, 'absent.csv'))).code).toBe('E_FILE_MISSING');
  });
});

describe('parseNumber', () => {
  const parse = (text: string) => parseNumber(Buffer.from(text), 0, Buffer.byteLength(text));

  it('reads every double as the language does, however it is written', () => {
    const asWritten = (text: string) => {
      expect(parse(text), text).toBe(Number(text));
    };
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => asWritten(String(value))),
      { seed: 42, numRuns: 5000 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 15 }),
        fc.integer({ min: 0, max: 15 }),
        fc.boolean(),
        (digits, point, minus) => {
          const text = String(digits).padStart(point + 1, '0');
          const cut = text.length - point;
          asWritten(`${minus ? '-' : ''}${text.slice(0, cut)}.${text.slice(cut)}`);
        },
      ),
      { seed: 42, numRuns: 5000 },
    );
  });

  it.each(['-', '.', '1.2.3', '1e', '--1', '1_000', '1,5', 'constructor', '١', '9'.repeat(500)])(
    '%s is no number',
    (text) => {
      expect(parse(text)).toBeUndefined();
    },
  );
});

describe('parseDate', () => {
  const parse = (text: string) => parseDate(Buffer.from(text), 0, Buffer.byteLength(text));

  it.each([
    ['2000-02-29', Date.UTC(2000, 1, 29)],
    ['2021-12-31T23:59', Date.UTC(2021, 11, 31, 23, 59)],
    ['2021-12-31 23:59:58', Date.UTC(2021, 11, 31, 23, 59, 58)],
    ['2021-12-31T23:59:58.5Z', Date.UTC(2021, 11, 31, 23, 59, 58, 500)],
    ['2001-02-29', undefined],
    ['2001-2-9', undefined],
    ['20010209', Date.UTC(2001, 1, 9)],
    ['2001.02.09 15:30', Date.UTC(2001, 1, 9, 15, 30)],
    ['2001/02/09', Date.UTC(2001, 1, 9)],
    ['02/09/2001', undefined],
    ['2001-02.09', undefined],
    ['2021-12-31T24:00', undefined],
    ['2021-12-31T10:00+02:00', Date.UTC(2021, 11, 31, 8)],
    ['2021-12-31 10:00:00-0330', Date.UTC(2021, 11, 31, 13, 30)],
    ['2021-12-31T10:00:00+09', Date.UTC(2021, 11, 31, 1)],
    ['2021-12-31 10:00:00 UTC', Date.UTC(2021, 11, 31, 10)],
    ['2021-12-31T10:00:00.000000', Date.UTC(2021, 11, 31, 10)],
    ['2021-12-31T10:00:00.123456789Z', Date.UTC(2021, 11, 31, 10) + 123.456789],
    // Never the next minute, however many nines.
    ['2021-12-31T10:00:59.999999999Z', Date.UTC(2021, 11, 31, 10, 0, 59) + 999.999],
    ['20211231T100000Z', Date.UTC(2021, 11, 31, 10)],
    ['2021-12-31 01-PM', Date.UTC(2021, 11, 31, 13)],
    ['2021-12-31 12-AM', Date.UTC(2021, 11, 31)],
    ['2021-12-31T10:00+25:00', undefined],
    ['2021-12-31T23:59:60Z', undefined],
    ['', undefined],
  ])('%s', (text, expected) => {
    expect(parse(text)).toBe(expected);
  });
});
