import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadClassifier } from '../../../src/adapters/onnx/classifier.js';
import { command } from '../../../src/cli/model/train.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { captureIo } from '../../support/command-io.js';
import { bell } from '../../support/labelled-rows.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-train-'));
afterAll(() => rmSync(dir, { recursive: true }));
const scratch = (name: string) => path.join(dir, name);
const DAY = 86_400_000;

/** A walk of 900 days in which a rise tends to follow a fall, so that there is something to learn. */
beforeAll(() => {
  const random = seededRng(91).next;
  let close = 100;
  let last = 0;
  const lines = ['timestamp_ms,open,high,low,close,volume'];
  for (let i = 0; i < 900; i++) {
    last = -0.7 * last + 0.01 * bell(random);
    const open = close;
    close *= Math.exp(last);
    const cells = [open, Math.max(open, close), Math.min(open, close), close, 100 + 50 * random()];
    lines.push(`${i * DAY},${cells.join(',')}`);
  }
  // High below low: refused.
  lines.push(`${900 * DAY},1,1,2,1,1`);
  writeFileSync(scratch('walk.csv'), `${lines.join('\n')}\n`);
});

const quick = ['--trees', '40', '--threads', '2'];

describe('train', () => {
  it('writes a model that loads, and says how good it is', async () => {
    const io = captureIo();
    const out = scratch('model');
    const args = ['--candles', scratch('walk.csv'), '--out', out, '--symbol', 'SPY/USD', ...quick];
    expect(await command.run([...args, '--json'], io)).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['manifest.json', 'model.onnx']);
    const told = JSON.parse(io.out());
    expect(told).toMatchObject({ out, candles: 900, rejected: 1, calendar: '24x7' });
    expect(told.evaluation.heldOutAuc).toBeGreaterThan(0.55);
    expect(io.err()).toMatch(/training 100 %/);

    const classifier = await loadClassifier(out);
    expect(classifier.manifest.training).toMatchObject({ symbol: 'SPY/USD', timeframe: '1d', rows: 880 });
    expect(classifier.manifest.sha256).toBe(told.sha256);
    const row = Float64Array.of(50, 0.05, 0.3, 0, -0.02, 0.01, 0, 0, 0);
    const [afterFall] = await classifier.predict(row, 1);
    row[4] = 0.02;
    const [afterRise] = await classifier.predict(row, 1);
    expect(afterFall).toBeGreaterThan(0);
    expect(afterRise).not.toBe(afterFall);
    await classifier.close();
  });

  it('gives the same file again, whatever the threads, and another one for another seed', async () => {
    const make = async (name: string, ...more: string[]) => {
      const args = ['--candles', scratch('walk.csv'), '--out', scratch(name), '--trees', '40', ...more];
      expect(await command.run(args, captureIo())).toBe(0);
      return readFileSync(scratch(`${name}/model.onnx`));
    };
    const one = await make('one', '--threads', '1');
    expect(await make('four', '--threads', '4')).toEqual(one);
    expect(await make('other', '--seed', '43')).not.toEqual(one);
  });

  it('uses no candle at or after --to', async () => {
    const io = captureIo();
    const args = ['--candles', scratch('walk.csv'), '--out', scratch('early'), ...quick, '--json'];
    expect(await command.run([...args, '--to', '1971-07-01'], io)).toBe(0);
    const told = JSON.parse(io.out());
    expect(told.candles).toBe(546);
    // The label looks one bar ahead, so the last row is a bar before the last candle.
    expect(told.training.toMs).toBe(Date.UTC(1971, 5, 29));
  });

  it('shows a table to a person', async () => {
    const io = captureIo();
    const args = ['--candles', scratch('walk.csv'), '--out', scratch('table'), ...quick];
    expect(await command.run(args, io)).toBe(0);
    expect(io.out()).toMatch(/training rows +880/);
    expect(io.out()).toMatch(/held-out AUC +0\.\d{4}/);
  });

  it.each([
    [['--out', 'x'], 'E_USAGE'],
    [['--candles', 'walk.csv'], 'E_USAGE'],
    [['--candles', 'walk.csv', '--out', 'x', '--trees', '0'], 'E_USAGE'],
    [['--candles', 'walk.csv', '--out', 'x', '--depth', '6.5'], 'E_USAGE'],
    [['--candles', 'walk.csv', '--out', 'x', '--to', '1971-02-31'], 'E_USAGE'],
    [['--candles', 'walk.csv', '--out', 'x', '--to', 'yesterday'], 'E_USAGE'],
    [['--candles', 'walk.csv', '--out', 'x', '--calendar', 'moon'], 'E_USAGE'],
    [['--candles', 'nowhere.csv', '--out', 'x'], 'E_FILE_MISSING'],
    [['--candles', 'walk.csv', '--out', 'x', '--to', '1970-01-01'], 'E_NO_CANDLES'],
    [['--candles', 'walk.csv', '--out', 'x', '--to', '1970-04-01'], 'E_TRAIN_ROWS'],
  ])('refuses %j with %s', async (args, code) => {
    const placed = args.map((word) => (/\.csv$|^x$/.test(word) ? scratch(word) : word));
    await expect(command.run(placed, captureIo())).rejects.toMatchObject({ code, exitCode: 2 });
    expect(readdirSync(dir)).not.toContain('x');
  });

  it('leaves nothing behind when stopped', async () => {
    const io = { ...captureIo(), signal: AbortSignal.abort(new Error('SIGINT')) };
    const run = command.run(['--candles', scratch('walk.csv'), '--out', scratch('stopped')], io);
    await expect(run).rejects.toThrow('SIGINT');
    expect(readdirSync(dir)).not.toContain('stopped');
  });
});
