// @module-tag processes

import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/research/tune.js';
import { captureIo } from '../../support/command-io.js';
import { type Compiled, compile } from '../../support/compiled.js';
import { learnableCsv } from '../../support/learnable-walk.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-tune-'));
const file = path.join(dir, 'walk.csv');
let compiled: Compiled;
beforeAll(() => {
  writeFileSync(file, learnableCsv(1200, 86_400_000, 7));
  compiled = compile(['src/main.ts', 'src/research/studies/tune-thread.ts']);
}, 180_000);
afterAll(() => {
  compiled.remove();
  rmSync(dir, { recursive: true });
});

const OPTIONS = ['--candles', file, '--trees', '40', '--train', '1y', '--test', '6m', '--json'];

async function tune(state: string, ...more: string[]) {
  const io = captureIo();
  const args = [...OPTIONS, '--threads', '1', '--state', path.join(dir, state), ...more];
  expect(await command.run(args, io)).toBe(0);
  return JSON.parse(io.out());
}

describe('tune', () => {
  it('chooses by the training window alone: what comes after a test changes no earlier choice', async () => {
    const { folds, pooled, variants } = await tune('whole.jsonl');
    expect(variants.length).toBe(18);
    expect(folds.length).toBe(5);
    expect(pooled.variants).toBe(18);
    for (const { choice, trials } of folds) {
      const best = Math.max(...trials.map(({ sharpe }: { sharpe: number }) => sharpe));
      expect(trials).toContainEqual(expect.objectContaining({ ...choice, sharpe: best }));
    }
    // The future turned into something else from the second test on: the first two choices stand.
    const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
    const from = rows.findIndex((row) => Number(row.split(',')[0]) >= folds[1].testFromMs);
    const other = learnableCsv(rows.length, 86_400_000, 99, 0.7).trim().split('\n').slice(1);
    const changed = path.join(dir, 'changed.csv');
    writeFileSync(changed, `${[head, ...rows.slice(0, from), ...other.slice(from)].join('\n')}\n`);
    const again = await tune('changed.jsonl', '--candles', changed);
    for (const i of [0, 1]) {
      expect(again.folds[i].choice).toEqual(folds[i].choice);
      expect(again.folds[i].trials).toEqual(folds[i].trials);
    }
    expect(again.folds[4].trials).not.toEqual(folds[4].trials);
  }, 120_000);

  it('believes its own choice less than a single setting', async () => {
    const many = (await tune('whole.jsonl')).pooled;
    const one = (await tune('one.jsonl', '--thresholds', '0.1', '--kelly', '0.25')).pooled;
    expect(one.variants).toBe(1);
    expect(many.deflatedSharpe).toBeLessThanOrEqual(one.deflatedSharpe);
  }, 60_000);

  it('continues where it was stopped, even in the middle of a line, and refuses the folds of another run', async () => {
    const whole = await tune('whole.jsonl');
    const lines = readFileSync(path.join(dir, 'whole.jsonl'), 'utf8').split('\n');
    const cut = path.join(dir, 'cut.jsonl');
    writeFileSync(cut, `${lines.slice(0, 3).join('\n')}\n`);
    appendFileSync(cut, lines[3]!.slice(0, 40));
    expect(await tune('cut.jsonl')).toEqual(whole);
    await expect(tune('cut.jsonl', '--seed', '7')).rejects.toMatchObject({ code: 'E_TUNE_STATE' });
  }, 60_000);

  it('gives on several threads what it gives on one', async () => {
    const args = ['tune', ...OPTIONS, '--threads', '2', '--state', path.join(dir, 'threads.jsonl')];
    const child = spawn(process.execPath, [compiled.file('src/main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(JSON.parse(out)).toEqual(await tune('whole.jsonl'));
  }, 120_000);
});
