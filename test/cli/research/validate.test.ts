// @module-tag long

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/research/validate.js';
import { captureIo } from '../../support/command-io.js';
import { CANDLES_DIR, GOLDEN_DIR, hasSharedData, RESULTS_DIR, VECTORS_DIR } from '../../support/golden.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-validate-'));
afterAll(() => rmSync(dir, { recursive: true }));
const scratch = (name: string) => path.join(dir, name);

const HEADER = 'timestamp_ms,open,high,low,close,volume';
const DIRTY = `${HEADER}
1700006460000,10,11,9,10,5
1700006400000,10,11,9,10.5,5
1700006400000,10,11,9,10,0
1700006520000,10,8,9,nan,5
`;

describe('validate --rules article', () => {
  const shared = hasSharedData(GOLDEN_DIR, "the article's own validation results");
  const sets = [
    ...['daily_btcusdt', 'dirty_synth'].map((set) => ({
      set,
      input: path.join(VECTORS_DIR, `${set}.input.csv.gz`),
      expected: path.join(RESULTS_DIR, `${set}.validated.csv`),
    })),
    ...(shared
      ? readdirSync(GOLDEN_DIR)
          .filter((name) => name.endsWith('.input.csv'))
          .map((name) => ({
            set: name,
            input: path.join(GOLDEN_DIR, name),
            expected: path.join(GOLDEN_DIR, name.replace('.input.', '.validated.')),
          }))
      : []),
  ];

  it.each(sets)('$set: writes what the article keeps, byte for byte', async ({ input, expected }) => {
    const out = scratch('article.csv');
    expect(await command.run([input, '--out', out, '--rules', 'article'], captureIo())).toBe(0);
    expect(readFileSync(out).equals(readFileSync(expected))).toBe(true);
  });
});

describe('validate', () => {
  it('writes the good rows, puts the bad ones aside, and counts both', async () => {
    const input = scratch('dirty.csv');
    writeFileSync(input, DIRTY);
    const out = scratch('good.csv');
    const quarantine = scratch('bad.csv');
    const io = captureIo();
    expect(await command.run([input, '--out', out, '--quarantine', quarantine], io)).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(
      `${HEADER}\n1700006400000,10,11,9,10.5,5\n1700006460000,10,11,9,10,5\n`,
    );
    expect(readFileSync(quarantine, 'utf8')).toBe(
      'line,reason,raw\n4,duplicate,"1700006400000,10,11,9,10,0"\n5,non_finite,"1700006520000,10,8,9,nan,5"\n',
    );
    expect(io.out().trimEnd().split('\n')).toEqual([
      'rows          4',
      'kept          2',
      'quarantined   2',
      '  duplicate   1  first in line 4',
      '  non_finite  1  first in line 5',
    ]);
    expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('speaks JSON, and leaves stdout to the rows when they go there', async () => {
    const input = scratch('dirty.csv');
    writeFileSync(input, DIRTY);
    const io = captureIo();
    await command.run([input, '--out', '-', '--json'], io);
    expect(io.out().startsWith(`${HEADER}\n1700006400000,`)).toBe(true);
    expect(JSON.parse(io.err())).toMatchObject({
      rows: 4,
      kept: 2,
      rejected: 2,
      reasons: { duplicate: 1, non_finite: 1 },
    });
  });

  it('refuses rows off the grid of a named timeframe', async () => {
    const input = scratch('grid.csv');
    writeFileSync(input, `${HEADER}\n3600000,1,1,1,1,1\n5400000,1,1,1,1,1\n`);
    const io = captureIo();
    await command.run([input, '--out', scratch('grid.out'), '--timeframe', '1h', '--json'], io);
    expect(JSON.parse(io.out())).toMatchObject({ kept: 1, reasons: { misaligned: 1 } });
  });

  it.each([
    ['a malformed line', `${HEADER}\n1,2,3\n`, 'E_CSV_LINE'],
    ['rows that are all refused', `${HEADER}\n1,1,1,1,1,-1\n`, 'E_NO_CANDLES'],
  ])('given %s, leaves the old output as it was', async (_, content, code) => {
    const input = scratch('bad-input.csv');
    const out = scratch('kept.csv');
    writeFileSync(input, content);
    writeFileSync(out, 'what stood there');
    await expect(command.run([input, '--out', out], captureIo())).rejects.toMatchObject({
      code,
      exitCode: 2,
    });
    expect(readFileSync(out, 'utf8')).toBe('what stood there');
  });

  it('names wrong usage', async () => {
    const usage = (...args: string[]) =>
      expect(command.run(args, captureIo())).rejects.toMatchObject({ code: 'E_USAGE', exitCode: 2 });
    await usage();
    await usage('in.csv');
    await usage('in.csv', '--out', 'a.csv', '--rules', 'loose');
    await usage('in.csv', '--out', 'a.csv', '--quarantine', './a.csv');
    await usage('in.csv', '--out', 'a.csv', '--nope');
  });

  it('cannot write into a folder that is not there', async () => {
    const input = scratch('dirty.csv');
    writeFileSync(input, DIRTY);
    await expect(command.run([input, '--out', scratch('absent/out.csv')], captureIo())).rejects.toMatchObject(
      { code: 'E_WRITE', exitCode: 1 },
    );
    expect(existsSync(scratch('absent'))).toBe(false);
  });

  it('explains itself in 80 columns', () => {
    expect(Math.max(...command.help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe('real files with real defects', () => {
  const shared = hasSharedData(CANDLES_DIR, 'real candle files with their defects');

  it.skipIf(!shared)(
    'lose no row: kept and refused add up, and what is kept is kept again',
    async () => {
      const files = readdirSync(CANDLES_DIR).filter(
        (name) => name.endsWith('.csv.gz') && !name.startsWith('bitfinex'),
      );
      expect(files.length).toBeGreaterThan(20);
      for (const name of files) {
        const out = scratch('real.csv');
        const quarantine = scratch('real.bad.csv');
        const io = captureIo();
        await command.run(
          [path.join(CANDLES_DIR, name), '--out', out, '--quarantine', quarantine, '--json'],
          io,
        );
        const first = JSON.parse(io.out()) as { rows: number; kept: number; rejected: number };
        expect(first.kept + first.rejected, name).toBe(first.rows);
        expect(readFileSync(quarantine, 'utf8').trimEnd().split('\n').length - 1, name).toBe(first.rejected);
        const again = captureIo();
        await command.run([out, '--out', scratch('again.csv'), '--json'], again);
        expect(JSON.parse(again.out()), name).toMatchObject({ kept: first.kept, rejected: 0 });
        expect(readFileSync(scratch('again.csv')).equals(readFileSync(out)), name).toBe(true);
      }
    },
    60_000,
  );

  it.skipIf(!shared)('are sorted and refused as their defects ask', async () => {
    const summary = async (name: string) => {
      const io = captureIo();
      await command.run([path.join(CANDLES_DIR, name), '--out', scratch('one.csv'), '--json'], io);
      return JSON.parse(io.out()) as { reasons: Record<string, number> };
    };
    expect((await summary('binance_BTCUSDT_1d_badhigh.csv.gz')).reasons).toEqual({
      open_or_close_outside_range: 176,
    });
    // Bars without a trade are bars.
    expect((await summary('coinbase_BTCUSD_1h_desc.csv.gz')).reasons).toEqual({});
    expect((await summary('kraken_XBTUSDT_1m.csv.gz')).reasons).toEqual({});
    expect((await summary('binance_BTCUSDT_1h.csv.gz')).reasons).toEqual({ duplicate: 5 });
  });
});
