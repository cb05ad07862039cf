// @module-tag sockets

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { runFaultDay } from './fault-day.js';

/** Printed with every failure; set REDBUTTON_TEST_SEED to replay one. scripts/soak-store.mjs runs the whole day. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);

it('two exchanges with lines that break, fall silent and lie: what is stored is the market, each outage told and healed', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-faults-'));
  const store = await openStore({ path: path.join(dir, 'a.duckdb') });
  const verdict = await runFaultDay({
    seed: SEED,
    minutes: 90,
    symbolsPerExchange: 3,
    disconnects: 3,
    silences: 2,
    outages: 2,
    store,
    paceMs: 20,
  });
  const note = `seed ${SEED}: ${JSON.stringify({ ...verdict, flaws: verdict.flaws.length })}`;
  expect(verdict.flaws.slice(0, 8), note).toEqual([]);
  expect(verdict.bars, note).toBeGreaterThanOrEqual(6 * (90 + 30));
  expect(verdict.alerts, note).toBe(verdict.recoveries);
  expect(verdict.alerts, note).toBeGreaterThanOrEqual(7);
  await store.close();
  rmSync(dir, { recursive: true });
}, 300_000);
