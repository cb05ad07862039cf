// @module-tag processes

import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** 300 weeks; whole months and more seeds by `npm run sim -- --seeds 5000`. */
const SEEDS = Number(process.env.SIM_SEEDS ?? 300);
const BARS = Number(process.env.SIM_BARS ?? 168);

async function sim(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [path.join(root, 'scripts/sim.mjs'), ...args],
      { cwd: root, maxBuffer: 1e8 },
    );
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

describe('seeded lives of the trader against the simulated exchange', () => {
  it(`keep every promise over ${SEEDS} seeds of ${BARS} bars`, { timeout: 900_000 }, async () => {
    const { code, text } = await sim('--seeds', String(SEEDS), '--bars', String(BARS));
    console.log(text);
    expect(code, text).toBe(0);
    // A simulation in which nothing happens would prove nothing.
    const count = (name: string) => Number(new RegExp(`(\\d+) ${name}`).exec(text)?.[1]);
    expect(count('orders')).toBeGreaterThan(SEEDS * 20);
    expect(count('trades')).toBeGreaterThan(SEEDS * 20);
    expect(count('faults')).toBeGreaterThan(SEEDS * 50);
    expect(count('lives')).toBeGreaterThan(SEEDS * 2);
    expect(count('halts')).toBeGreaterThan(SEEDS);
  });

  it('keep every promise with the seeds that failed once', { timeout: 120_000 }, async () => {
    // A fill after the end of its order, between the answers of a comparison that agreed: nobody could know of it.
    const { code, text } = await sim('--seeds', '1', '--from', '5001016');
    expect(code, text).toBe(0);
  });

  it('tell with --trace what happened, each thing with its time, and come out the same', async () => {
    const args = ['--seeds', '1', '--from', '17', '--bars', '168'];
    const { text } = await sim(...args, '--trace');
    for (const what of [
      'bar closes',
      'order leaves',
      'order taken',
      'recordFills',
      'halt',
      'armed',
      'compared',
    ]) {
      expect(text).toMatch(new RegExp(`^2024-01-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  ${what} `, 'm'));
    }
    const figures = /: (\d+ orders.*)/.exec(text)?.[1];
    expect(figures).toBe(/: (\d+ orders.*)/.exec((await sim(...args)).text)?.[1]);
  });

  it('are drawn from the day that is named, and printed', async () => {
    const { text } = await sim('--seeds', '2', '--bars', '48', '--fresh', '2026-11-28');
    expect(text).toContain('seeds of 2026-11-28: 20785000001 to 20785000002');
    const next = await sim('--seeds', '1', '--bars', '48', '--fresh', '2026-11-29');
    expect(next.text).toContain('seeds of 2026-11-29: 20786000001 to 20786000001');
    expect((await sim('--seeds', '1', '--fresh', 'tonight')).code).toBe(2);
  });

  it('come out the same for the same seed', async () => {
    const figures = async () => {
      const { text } = await sim('--seeds', '1', '--from', '17', '--bars', '168');
      return /: (\d+ orders.*)/.exec(text)?.[1];
    };
    const first = await figures();
    expect(first).toMatch(/orders/);
    expect(await figures()).toBe(first);
  });
});
