import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { command as train } from '../../../src/cli/model/train.js';
import { command as backtest } from '../../../src/cli/research/backtest.js';
import { command as walkForward } from '../../../src/cli/research/walk-forward.js';
import { captureIo } from '../../support/command-io.js';
import { learnableCsv } from '../../support/learnable-walk.js';

const MODEL = fileURLToPath(new URL('../../../models/sp500-daily', import.meta.url));
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2020, 0, 1);

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-field-'));
afterAll(() => rmSync(dir, { recursive: true }));
let count = 0;
function file(lines: readonly string[]): string {
  const name = path.join(dir, `${count++}.csv`);
  writeFileSync(name, `${lines.join('\n')}\n`);
  return name;
}
const learnable = (bars: number, startMs = START_MS) =>
  learnableCsv(bars, DAY_MS, 5, -0.7, startMs).trim().split('\n');
const QUICK = ['--train', '300d', '--test', '60d', '--trees', '5', '--embargo', '20', '--threads', '1'];

async function run(command: typeof backtest | typeof train | typeof walkForward, ...args: string[]) {
  const io = captureIo();
  const code = await command.run(args, io);
  return { code, text: io.out() };
}

describe('what people hand in', () => {
  it('a volume that never changes is named, by train, walk-forward and backtest', async () => {
    const flat = file(learnable(700).map((line, i) => (i === 0 ? line : line.replace(/[^,]+$/, '1'))));
    const named = { message: expect.stringMatching(/vol_zscore has no value.*volume never changes/) };
    await expect(run(train, '--candles', flat, '--out', path.join(dir, 'm'))).rejects.toMatchObject(named);
    await expect(run(walkForward, '--candles', flat, ...QUICK)).rejects.toMatchObject(named);
    const { text } = await run(backtest, '--candles', flat, '--model', MODEL);
    expect(text).toMatch(/vol_zscore has no value in any of the 500 bars, since the volume never changes/);
  });

  it('a fold whose training rows are of one class is a row that says so, and the rest goes on', async () => {
    const [header, ...rows] = learnable(700);
    // The first 330 bars only rise.
    const rising = rows.slice(0, 330).map((line, i) => {
      const [time, , , , , volume] = line.split(',');
      return `${time},${100 + i},${101 + i},${100 + i},${101 + i},${volume}`;
    });
    const candles = file([header!, ...rising, ...rows.slice(330)]);
    const { code, text } = await run(walkForward, '--candles', candles, ...QUICK);
    expect(code).toBe(0);
    expect(text).toMatch(/no model for \d{4}-\d\d-\d\d: all \d+ training rows have the same label/);
    const { text: json } = await run(walkForward, '--candles', candles, ...QUICK, '--json');
    const { folds, pooled } = JSON.parse(json) as { folds: { noModel?: string }[]; pooled: { rows: number } };
    expect(folds[0]!.noModel).toMatch(/same label/);
    expect(folds.at(-1)!.noModel).toBeUndefined();
    expect(pooled.rows).toBeGreaterThan(50);
  });

  it('days of New York trade as the same days at UTC midnight do', async () => {
    const [header, ...rows] = learnable(700);
    const shifted = rows.map((line) => {
      const [time, ...rest] = line.split(',');
      const summer = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeZoneName: 'short' })
        .format(Number(time) + 5 * 3_600_000)
        .endsWith('EDT');
      return [Number(time) + (summer ? 4 : 5) * 3_600_000, ...rest].join(',');
    });
    const [utc, newYork] = await Promise.all(
      [rows, shifted].map(async (lines) => {
        const candles = file([header!, ...lines]);
        const args = ['--candles', candles, ...QUICK, '--threshold', '0', '--json'];
        return JSON.parse((await run(walkForward, ...args)).text) as { pooled: { fills: number } };
      }),
    );
    expect(newYork!.pooled).toEqual(utc!.pooled);
    expect(utc!.pooled.fills).toBeGreaterThan(10);
  });

  it('rows that are no candles are told by every command, and end it where they are too many', async () => {
    const [header, ...rows] = learnable(700);
    const bad = rows.map((line, i) => (i % 7 === 3 ? line.replace(/,[^,]+,/, ',-1,') : line));
    const candles = file([header!, ...bad]);
    const commands = [
      [backtest, '--candles', candles, '--model', MODEL],
      [train, '--candles', candles, '--out', path.join(dir, 'model'), '--trees', '5'],
      [walkForward, '--candles', candles, ...QUICK],
    ] as const;
    for (const [command, ...args] of commands) {
      await expect(run(command, ...args)).rejects.toMatchObject({
        code: 'E_QUARANTINED',
        exitCode: 2,
        message: expect.stringContaining('100 non_positive_price (first in line 5)'),
      });
      const { code, text } = await run(command, ...args, '--allow-quarantined');
      expect(code).toBe(0);
      expect(text).toMatch(
        /rows +700\n.*kept +600\n.*quarantined +100\n.*non_positive_price +100 +first in line 5/s,
      );
    }
  });
});
