import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/research/features.js';
import { captureIo } from '../../support/command-io.js';
import { expectExactFeatures } from '../../support/features-parity.js';
import { GOLDEN_DIR, hasSharedData, RESULTS_DIR, VECTORS_DIR } from '../../support/golden.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-features-'));
afterAll(() => rmSync(dir, { recursive: true }));
const scratch = (name: string) => path.join(dir, name);
const HEADER = 'timestamp_ms,open,high,low,close,volume';

describe('features --rules article', () => {
  const own = ['daily_btcusdt', 'dirty_synth'].map((set) => ({
    set,
    input: path.join(VECTORS_DIR, `${set}.input.csv.gz`),
    exact: path.join(RESULTS_DIR, `${set}.features_exact.csv`),
  }));
  const shared = hasSharedData(GOLDEN_DIR, "every one of the article's own feature files")
    ? readdirSync(GOLDEN_DIR)
        .filter((name) => name.includes('.input.'))
        .map((name) => ({
          set: name,
          input: path.join(GOLDEN_DIR, name),
          exact: path.join(GOLDEN_DIR, name.replace('.input.', '.features_exact.')),
          article: path.join(GOLDEN_DIR, name.replace('.input.', '.features.')),
        }))
    : [];

  it.each([...own, ...shared])('$set: the same rows, each value within 1e-12 of exact', async (files) => {
    const out = scratch(`${files.set}.csv`);
    const io = captureIo();
    expect(await command.run([files.input, '--out', out, '--rules', 'article'], io)).toBe(0);
    const worst = expectExactFeatures(out, files.exact);
    expect(worst).toBeLessThan(1e-12);
    if ('article' in files) {
      // The article's own file: the same rows, and the candle columns character for character.
      const candlesOf = (file: string) =>
        readFileSync(file, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => line.split(',').slice(0, 6).join());
      expect(candlesOf(out)).toEqual(candlesOf(files.article as string));
    }
  });
});

describe('features', () => {
  const series = (rows: number) =>
    Array.from({ length: rows }, (_, i) => {
      const close = 100 + ((i * 37) % 11);
      return `${i * 60_000},${close},${close},${close},${close},${1 + (i % 5)}`;
    }).join('\n');

  it('writes a row for each candle that has every feature', async () => {
    const input = scratch('series.csv');
    writeFileSync(input, `${HEADER}\n${series(25)}\n`);
    const io = captureIo();
    await command.run([input, '--out', scratch('series.out'), '--json'], io);
    expect(JSON.parse(io.out())).toMatchObject({ rows: 25, kept: 25, rejected: 0, featureRows: 6 });
    const lines = readFileSync(scratch('series.out'), 'utf8').trimEnd().split('\n');
    expect(lines.slice(1).map((line) => Number(line.split(',')[0]))).toEqual(
      [19, 20, 21, 22, 23, 24].map((i) => i * 60_000),
    );
  });

  it('writes no rows, only the header, for fewer candles than the window needs', async () => {
    const input = scratch('short.csv');
    writeFileSync(input, `${HEADER}\n${series(19)}\n`);
    const io = captureIo();
    expect(await command.run([input, '--out', '-'], io)).toBe(0);
    expect(io.out().trimEnd().split('\n').length).toBe(1);
    expect(io.err()).toMatch(/feature rows +0/);
  });

  it('leaves the old output as it was when the input is cut off', async () => {
    const input = scratch('cut.csv');
    const out = scratch('old.csv');
    writeFileSync(input, `${HEADER}\n${series(30)}\n1800000,10`);
    writeFileSync(out, 'what stood there');
    await expect(command.run([input, '--out', out], captureIo())).rejects.toMatchObject({
      code: 'E_CSV_LINE',
      exitCode: 2,
      message: `${input}:32 has 2 fields where the header has 6`,
    });
    expect(readFileSync(out, 'utf8')).toBe('what stood there');
  });

  it('explains itself in 80 columns', () => {
    expect(Math.max(...command.help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
