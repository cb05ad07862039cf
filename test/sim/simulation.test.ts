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
