// @module-tag long

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { RedbuttonError } from '../../src/core/errors.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { judgementOf, loadCandles } from '../../src/research/candles/load-candles.js';

/** 20,000 at night: REDBUTTON_FUZZ_INPUTS=20000. A seed that fails is printed. */
const INPUTS = Number(process.env.REDBUTTON_FUZZ_INPUTS ?? 300);
const FIRST_SEED = Number(process.env.REDBUTTON_FUZZ_SEED ?? 1);

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-fuzz-'));
afterAll(() => rmSync(dir, { recursive: true }));

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

/** Files that are read as they stand, in many forms. */
const SEEDS: readonly ((row: number) => string)[] = [
  (i) => `${1_704_067_200_000 + i * 60_000},1.5,2,1,1.25,${i % 3}`,
  (i) => `${1_704_067_200 + i * 60},1.5,2,1,1.25,3,7`,
  (i) => `"2024-01-01T00:${String(i).padStart(2, '0')}:00.000000+00:00","1.5","2","1","1.25","3"`,
  (i) => `2024.01.01,00:${String(i).padStart(2, '0')},1.5,2,1,1.25,3`,
  (i) => `2024-01-01 00:${String(i).padStart(2, '0')};1,5;2,0;1,0;1,25;3`,
];
const HEADERS = [
  'timestamp_ms,open,high,low,close,volume',
  '',
  'date,open,high,low,close,volume',
  '',
  'date;open;high;low;close;volume',
];
const TOKENS = [
  '"',
  ',',
  ';',
  '\n',
  '\r',
  '\r\n',
  '\t',
  '',
  '0',
  '-1',
  '1e999',
  'nan',
  '\0',
  '\ufeff',
  '9'.repeat(30),
  '""',
  'é',
  '2024-02-30',
  '1.7E+12',
];

function mutated(random: Random): Buffer {
  const form = Math.floor(random() * SEEDS.length);
  const lines = [HEADERS[form]!, ...Array.from({ length: 30 }, (_, i) => SEEDS[form]!(i))].filter(
    (line) => line !== '',
  );
  let text = lines.join(pick(random, ['\n', '\r\n', '\r'])) + pick(random, ['', '\n', '\n\n']);
  for (let n = Math.floor(random() * 4); n > 0; n--) {
    const at = Math.floor(random() * text.length);
    const cut = Math.floor(random() * 8);
    text = text.slice(0, at) + pick(random, TOKENS) + text.slice(at + cut);
  }
  let bytes = Buffer.from(text);
  if (random() < 0.2) bytes = bytes.subarray(0, Math.floor(random() * bytes.length));
  if (random() < 0.2) bytes = gzipSync(bytes);
  for (let n = random() < 0.2 ? 3 : 0; n > 0 && bytes.length > 0; n--)
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return bytes;
}

/** Rows as RFC 4180 counts them, by a reader of its own: line ends outside of quotes, blank lines left out. */
function rowsOf(text: string): number {
  let rows = 0;
  let isQuoted = false;
  let length = 0;
  for (const char of `${text}\n`) {
    if (char === '"') isQuoted = !isQuoted;
    if (!isQuoted && (char === '\n' || char === '\r')) {
      if (length > 0) rows++;
      length = 0;
    } else length++;
  }
  return rows;
}

describe('mutated candle files', () => {
  it(`are read with every row accounted for, or refused by a sentence: seeds ${FIRST_SEED} to ${FIRST_SEED + INPUTS - 1}`, async () => {
    let read = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + INPUTS; seed++) {
      const bytes = mutated(seededRng(seed).next);
      const file = path.join(dir, 'fuzzed.csv');
      writeFileSync(file, bytes);
      try {
        const loaded = await loadCandles(file, { rules: 'strict', nowMs: Date.UTC(2030, 0) });
        const { rows, kept, reasons } = judgementOf(loaded);
        read++;
        expect(
          reasons.reduce((sum, { count }) => sum + count, kept),
          `seed ${seed}`,
        ).toBe(rows);
        // Packed files have been mutated in their packed form, of which no text is at hand.
        if (bytes[0] === 0x1f && bytes[1] === 0x8b) continue;
        const text = bytes.toString('utf8').replace(/^\ufeff/, '');
        const before = rowsOf(text) - rows;
        expect(
          before === 0 || before === 1,
          `seed ${seed}: ${before} rows are neither header nor candle`,
        ).toBe(true);
        let last = 0;
        for (const [i, { index }] of loaded.quarantined.entries()) {
          const line = loaded.file.line(index);
          expect(i === 0 || line > last, `seed ${seed}`).toBe(true);
          last = line;
        }
      } catch (error) {
        const isRefusal = error instanceof RedbuttonError && error.exitCode === 2;
        if (!isRefusal) throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    console.log(`fuzzed candle files: ${INPUTS} from seed ${FIRST_SEED}, ${read} read, the others refused`);
    expect(read).toBeGreaterThan(INPUTS / 10);
  }, 600_000);
});
