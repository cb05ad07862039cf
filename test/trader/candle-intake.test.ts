// @module-tag long

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { command as verify } from '../../src/cli/research/verify.js';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { candleIntake } from '../../src/trader/candle-intake.js';
import { captureIo } from '../support/command-io.js';
import { liveOverStore } from '../support/lived-store.js';
import { KEY } from '../support/tiny-stream.js';

const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);

it('loads history beside a trader that decides, into gaps and before its first bar, and verify finds no difference', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'rb-intake-'));
  mkdirSync(path.join(dir, 'models'));
  const rng = seededRng(SEED);
  let added = 0;
  const lived = await liveOverStore(dir, 500, async ({ store, pipeline, clock, candles }) => {
    if (rng.next() > 0.1) return;
    const take = candleIntake({ store, pipeline, streams: [KEY], rules: 'strict', clock });
    const from = Math.max(0, candles.length - 1 - Math.floor(rng.next() * 250));
    added += (await take(KEY, toColumns(candles.slice(from)))).added;
  });
  const io = captureIo();
  await verify.run(['--store', lived.store, '--models', lived.models, '--json'], io);
  const [{ bars, differences }] = JSON.parse(io.out());
  console.log(
    `seed ${SEED}: ${added} bars loaded beside ${bars} decisions: ${differences.length} differences`,
  );
  expect(added).toBeGreaterThan(20);
  expect(bars).toBe(lived.decided);
  expect(differences).toEqual([]);
  rmSync(dir, { recursive: true });
}, 300_000);
