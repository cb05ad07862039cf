// @module-tag processes

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiled } from './compiled.js';
import { killRounds, powerCuts } from './power-cuts.js';

/** Printed with every failure; set REDBUTTON_TEST_SEED to replay one. scripts/soak-store.mjs runs 200 rounds of each. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);

let child: { readonly directory: string; readonly script: string };
beforeAll(() => {
  child = compiled('test/adapters/duckdb/journal-writer.ts');
}, 120_000);
afterAll(() => rmSync(child.directory, { recursive: true, force: true }));

test.each([
  ['kill -9', killRounds],
  ['power cuts', powerCuts],
] as const)(
  'given %s at random moments, when reopened each time, then nothing told is lost and nothing is there twice',
  async (_, rounds) => {
    const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-cuts-'));
    const verdict = await rounds({ script: child.script, dir, rounds: 6, seed: SEED });
    expect(verdict.flaws, `seed ${SEED}`).toEqual([]);
    expect(verdict.bars).toBeGreaterThan(6);
    rmSync(dir, { recursive: true });
  },
  180_000,
);
