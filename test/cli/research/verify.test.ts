// @module-tag long

import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/research/verify.js';
import { captureIo } from '../../support/command-io.js';
import { type LivedStore, liveOverStore } from '../../support/lived-store.js';

/** The full proof: VERIFY_BARS=10000. */
const BARS = Number(process.env.VERIFY_BARS ?? 2500);
const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-verify-'));
afterAll(() => rmSync(dir, { recursive: true }));
let lived: LivedStore;
beforeAll(async () => {
  mkdirSync(path.join(dir, 'models'));
  lived = await liveOverStore(dir, BARS);
}, 600_000);

interface Told {
  readonly bars: number;
  readonly predictions: number;
  readonly riskDecisions: number;
  readonly models: readonly string[];
  readonly differences: readonly { openMs: number; layer: string; field: string; a: unknown; b: unknown }[];
}

async function verify(store: string, ...more: string[]): Promise<{ code: number; told: Told }> {
  const io = captureIo();
  const code = await command.run(['--store', store, '--models', lived.models, '--json', ...more], io);
  return { code, told: JSON.parse(io.out())[0] };
}

/** A copy of the store in which the lowest bit of one stored double is turned round. */
async function flipped(
  name: string,
  table: string,
  column: string,
  where: string,
): Promise<{ file: string; openMs: number }> {
  const file = path.join(dir, `${name}.duckdb`);
  copyFileSync(lived.store, file);
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  const rows = await connection.runAndReadAll(
    `SELECT open_ms, ${column} AS value FROM ${table} WHERE ${where} ORDER BY open_ms LIMIT 1 OFFSET 25`,
  );
  const [openMs, value] = rows.getRows()[0] as [bigint, number];
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  bits.setUint8(7, bits.getUint8(7) ^ 1);
  const prepared = await connection.prepare(`UPDATE ${table} SET ${column} = $1 WHERE open_ms = $2`);
  prepared.bindDouble(1, bits.getFloat64(0));
  prepared.bindBigInt(2, openMs);
  await prepared.run();
  connection.closeSync();
  instance.closeSync();
  return { file, openMs: Number(openMs) };
}

describe('verify', () => {
  it(`finds no difference over a life of ${BARS} bars with restarts, changes of model and gaps`, async () => {
    const started = performance.now();
    const { code, told } = await verify(lived.store);
    console.log(
      `${told.bars} bars, ${told.predictions} predictions, ${told.riskDecisions} risk decisions, ${lived.orders} orders, ${told.models.length} models: ${told.differences.length} differences in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
    expect(told.differences).toEqual([]);
    expect(code).toBe(0);
    expect(told.bars).toBe(lived.decided);
    expect(told.models.length).toBe(3);
    expect(told.riskDecisions).toBeGreaterThan(BARS / 10);
    expect(lived.orders).toBeGreaterThan(20);
  }, 120_000);

  it.each([
    ['probability', 'decisions', 'probability_up', 'probability_up IS NOT NULL', 'prediction'],
    ['calibrated', 'decisions', 'probability_up_calibrated', 'probability_up IS NOT NULL', 'prediction'],
    ['confidence', 'decisions', 'signal_confidence', 'signal_direction IS NOT NULL', 'signal'],
    [
      'holding',
      'decisions',
      'signal_held_units',
      'signal_held_units <> 0 AND risk_side IS NOT NULL',
      'signal',
    ],
    ['units', 'decisions', 'risk_units', 'risk_side IS NOT NULL', 'risk'],
    ['equity', 'decisions', 'input_equity', 'risk_side IS NOT NULL', 'account'],
    ['day', 'decisions', 'input_day_low_equity', 'risk_side IS NOT NULL', 'account'],
    ['training', 'decisions', 'input_outside_training', 'risk_side IS NOT NULL', 'risk'],
    ['drawdown', 'decisions', 'account_drawdown', 'account_drawdown > 0', 'account'],
  ])(
    'names exactly the bar when one stored bit of the %s is flipped',
    async (name, table, column, where, layer) => {
      const { file, openMs } = await flipped(name, table, column, where);
      const { code, told } = await verify(file);
      expect(code).toBe(1);
      expect(new Set(told.differences.map((one) => one.openMs))).toEqual(new Set([openMs]));
      expect(told.differences.map((one) => one.layer)).toContain(layer);
    },
    120_000,
  );

  it('names the bar first when one bit of its candle is flipped, then those whose window holds it', async () => {
    const { file, openMs } = await flipped(
      'close',
      'candles',
      'close',
      `open_ms > (SELECT min(open_ms) FROM decisions)`,
    );
    const { code, told } = await verify(file);
    expect(code).toBe(1);
    expect(told.differences[0]).toMatchObject({ openMs, layer: 'features' });
    expect(new Set(told.differences.map((one) => one.openMs)).size).toBeLessThanOrEqual(20);
  }, 120_000);

  it('takes a period, says so where a model is not at hand, and refuses an empty one', async () => {
    const from = '2024-03-01';
    const { told } = await verify(lived.store, '--from', from, '--to', '2024-03-11');
    expect(told.bars).toBeGreaterThan(100);
    expect(told.bars).toBeLessThanOrEqual(240);
    expect(told.differences).toEqual([]);
    const io = captureIo();
    const args = ['--store', lived.store, '--models', path.join(lived.models, 'm1')];
    expect(await command.run(args, io)).toBe(1);
    expect(io.out()).toContain('no such model is at hand');
    for (const line of io.out().split('\n').slice(0, 3)) expect(line.length).toBeLessThanOrEqual(80);
    await expect(verify(lived.store, '--from', '2030-01-01')).rejects.toMatchObject({
      code: 'E_VERIFY_EMPTY',
    });
  }, 120_000);
});
