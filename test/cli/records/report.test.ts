import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { command } from '../../../src/cli/records/report.js';
import { toColumns } from '../../../src/core/candle.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { runBacktest } from '../../../src/research/backtest/backtest.js';
import { captureIo } from '../../support/command-io.js';
import { START_CASH } from '../../support/paper-world.js';
import { CONFIG, MODEL, randomWalk, tinyStream } from '../../support/tiny-stream.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-report-'));
afterAll(() => rmSync(dir, { recursive: true }));
const config = path.join(dir, 'box.toml');
writeFileSync(
  config,
  `[device]\nstateDir = ${JSON.stringify(dir)}\n[[exchange]]\nsymbols = ["BTC/USDT", "ETH/USDT"]\n`,
);
const out = path.join(dir, 'page.html');

describe('report', () => {
  it('tells of what a run left in the store, as the run itself did', { timeout: 120_000 }, async () => {
    // Given a run whose store is a real database
    const store = await openStore({ path: path.join(dir, 'redbutton.duckdb') });
    const result = await runBacktest({
      candles: toColumns(randomWalk(seededRng(8), 300)),
      makeStream: (clock) => tinyStream(clock),
      model: MODEL,
      config: CONFIG,
      startCash: START_CASH,
      fillModel: { halfSpreadBps: 5 },
      store,
    });
    await store.close();
    const io = captureIo();
    expect(await command.run(['--config', config, '--out', out, '--json'], io)).toBe(0);
    const told = JSON.parse(io.out());
    expect(told.bars).toBe(300);
    expect(told.metrics.totalReturn).toBeCloseTo(result.bars.equity.at(-1)! / result.bars.equity[0]! - 1, 12);
    expect(told.metrics.closedTrades).toBe(result.trades.length);
    expect(result.trades.length).toBeGreaterThan(5);
    const page = readFileSync(out, 'utf8');
    for (const words of [
      'Paper trading report',
      'Calibration',
      'Slippage',
      'Exposure',
      'Denied and rejected orders',
    ]) {
      expect(page).toContain(words);
    }
    // Fixed slippage of 5 bps, rounded outward to the tick of 0.01
    expect(/Median \(bps\)<\/td><td class="n">5\.0/.test(page)).toBe(true);
  });

  it('refuses a symbol without a decision, and one that is not traded, and writes nothing', async () => {
    const none = path.join(dir, 'none.html');
    const run = (symbol: string) =>
      command.run(['--config', config, '--out', none, '--symbol', symbol], captureIo());
    await expect(run('ETH/USDT')).rejects.toMatchObject({ code: 'E_REPORT_EMPTY', exitCode: 2 });
    await expect(run('XRP/USDT')).rejects.toMatchObject({ code: 'E_USAGE' });
    expect(existsSync(none)).toBe(false);
  });
});
