import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/research/walk-forward.js';
import { captureIo } from '../../support/command-io.js';
import { learnableCsv } from '../../support/learnable-walk.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-walk-forward-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = path.join(dir, 'walk.csv');
beforeAll(() => writeFileSync(file, learnableCsv(1200, 86_400_000, 7)));

const quick = ['--trees', '60', '--threads', '2', '--train', '1y', '--test', '6m', '--threshold', '0.1'];

async function figures(...more: string[]) {
  const io = captureIo();
  expect(await command.run(['--candles', file, ...quick, '--json', ...more], io)).toBe(0);
  return JSON.parse(io.out());
}

describe('walk-forward', () => {
  it('finds what there is to learn, fold by fold and pooled, and trades it', async () => {
    const { folds, pooled } = await figures();
    expect(folds.length).toBe(5);
    for (const fold of folds) expect(fold.figures.auc.auc).toBeGreaterThan(0.6);
    expect(pooled.rows).toBe(
      folds.reduce((sum: number, fold: { figures: { rows: number } }) => sum + fold.figures.rows, 0),
    );
    expect(pooled.auc.low).toBeGreaterThan(0.6);
    expect(pooled.brier).toBeLessThan(pooled.brierBaseRate);
    expect(pooled.fills).toBeGreaterThan(20);
    expect(pooled.turnover).toBeGreaterThan(1);
    // Pooled returns are the folds' returns, one after the other.
    const product = folds.reduce(
      (value: number, fold: { figures: { totalReturn: number } }) => value * (1 + fold.figures.totalReturn),
      1,
    );
    expect(pooled.totalReturn).toBeCloseTo(product - 1, 10);
  });

  it('gives equal figures on any number of threads, others with an anchored window, worse ones at a higher cost', async () => {
    const base = await figures();
    expect(await figures('--threads', '1')).toEqual(base);
    const anchored = await figures('--anchored');
    expect(anchored.folds[0]).toEqual(base.folds[0]);
    expect(anchored.folds[2].trainRows).toBeGreaterThan(base.folds[2].trainRows);
    const dear = await figures('--half-spread', '50');
    expect(dear.pooled.totalReturn).toBeLessThan(base.pooled.totalReturn);
    expect(dear.pooled.auc).toEqual(base.pooled.auc);
  });

  it('believes a Sharpe ratio less, the more settings were tried', async () => {
    const one = (await figures()).pooled.deflatedSharpe;
    const many = (await figures('--variants', '1000')).pooled.deflatedSharpe;
    expect(many).toBeLessThan(one);
  });

  it('prints a table of at most 80 columns', async () => {
    const io = captureIo();
    expect(await command.run(['--candles', file, ...quick], io)).toBe(0);
    expect(io.out()).toMatch(/^pooled /m);
    for (const line of io.out().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([
    [['--train', 'ever'], 'E_USAGE'],
    [['--anchored', '--rolling'], 'E_USAGE'],
    [['--train', '9y'], 'E_FOLDS'],
  ])('refuses %j', async (more, code) => {
    await expect(command.run(['--candles', file, ...quick, ...more], captureIo())).rejects.toMatchObject({
      code,
    });
  });

  const candles = new URL('../../../../shared/data/candles/binance-usdm_BTCUSDT_1h.csv.gz', import.meta.url);
  it.skipIf(!existsSync(candles))(
    'takes 33 000 hours, 300 trees, a year and three months in at most 60 s',
    async () => {
      const io = captureIo();
      const started = performance.now();
      const args = ['--candles', candles.pathname, '--train', '1y', '--test', '3m', '--json'];
      expect(await command.run(args, io)).toBe(0);
      const seconds = (performance.now() - started) / 1000;
      const { pooled, folds } = JSON.parse(io.out());
      console.log(
        `${folds.length} folds, ${pooled.rows} rows: AUC ${pooled.auc.auc.toFixed(4)} (${pooled.auc.low.toFixed(4)} to ${pooled.auc.high.toFixed(4)}) in ${seconds.toFixed(1)} s`,
      );
      expect(seconds).toBeLessThan(60);
      expect(pooled.auc.auc).toBeGreaterThan(0.45);
    },
    90_000,
  );
});
