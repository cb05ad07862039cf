// @module-tag sockets

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { command } from '../../../src/cli/model/model.js';
import { toColumns } from '../../../src/core/candle.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { runBacktest } from '../../../src/research/backtest/backtest.js';
import { captureIo } from '../../support/command-io.js';
import { START_CASH } from '../../support/paper-world.js';
import { CONFIG, MODEL, randomWalk, tinyStream } from '../../support/tiny-stream.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-shadow-'));
  mkdirSync(path.join(dir, 'run'));
  writeFileSync(
    path.join(dir, 'box.toml'),
    `[device]\nstateDir = "${dir}"\nrunDir = "${dir}/run"\n[[exchange]]\nsymbols = ["BTC/USDT"]\n`,
  );
});
afterEach(() => rmSync(dir, { recursive: true }));

async function shown(...args: string[]): Promise<string> {
  const io = captureIo();
  expect(await command.run(['shadow', ...args, '--config', path.join(dir, 'box.toml')], io)).toBe(0);
  return io.out();
}

it('holds the shadow model against the one that decided, over the bars that both answered', async () => {
  const store = await openStore({ path: path.join(dir, 'redbutton.duckdb') });
  await runBacktest({
    candles: toColumns(randomWalk(seededRng(3), 120)),
    makeStream: tinyStream,
    model: MODEL,
    config: CONFIG,
    startCash: START_CASH,
    fillModel: { halfSpreadBps: 5 },
    store,
  });
  const decided = await store.predictions();
  // A shadow that knows every outcome, but was not there for the first ten bars.
  for (const { stream, openMs, up } of decided.slice(10)) {
    const probabilityUp = up === null ? 0.5 : up ? 0.9 : 0.2;
    await store.recordShadow({
      stream,
      openMs,
      probabilityUp,
      probabilityUpCalibrated: probabilityUp,
      modelHash: 'seer',
    });
  }
  await store.close();

  const both = decided.slice(10);
  const known = both.filter(({ up }) => up !== null);
  const ups = known.filter(({ up }) => up);
  const downs = known.filter(({ up }) => !up);
  let won = 0;
  for (const a of ups) {
    for (const b of downs) {
      if (a.probabilityUp > b.probabilityUp) won++;
      else if (a.probabilityUp === b.probabilityUp) won += 0.5;
    }
  }
  const [pair, ...more] = JSON.parse(await shown('--json'));
  expect(more).toEqual([]);
  expect(pair).toMatchObject({
    shadow: 'seer',
    decided: MODEL.sha256,
    bars: both.length,
    resolved: known.length,
    fromMs: both[0]!.openMs,
    toMs: both.at(-1)!.openMs,
    shadowAuc: 1,
  });
  expect(pair.decidedAuc).toBeCloseTo(won / (ups.length * downs.length), 12);
  expect(pair.difference.difference).toBeCloseTo(1 - pair.decidedAuc, 12);
  expect(pair.difference.pGreater).toBeLessThan(0.001);
  const agreed = both.filter(
    ({ probabilityUp, up }) => probabilityUp > 0.5 === (up === null ? false : up),
  ).length;
  expect(pair.agreement).toBeCloseTo(agreed / both.length, 12);

  const page = await shown();
  expect(page).toMatch(/^AUC +1\.0000 +0\.\d{4}$/m);
  for (const line of page.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(await shown('--since', '2030-01-01')).toContain('no bar has been answered by a shadow model');
});
