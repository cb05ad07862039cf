// @module-tag sockets

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createControlServer } from '../../src/adapters/control-socket/control-server.js';
import { storeRoutes } from '../../src/adapters/control-socket/store-routes.js';
import { type DuckStore, openStore } from '../../src/adapters/duckdb/index.js';
import { command as report } from '../../src/cli/records/report.js';
import { command as trades } from '../../src/cli/records/trades.js';
import { command as status } from '../../src/cli/run/status.js';
import type { Command } from '../../src/console/command.js';
import { toColumns } from '../../src/core/candle.js';
import type { Fill, OrderRequest, RiskInputs } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { runSettingsText } from '../../src/pipeline/decision-settings.js';
import type { InstrumentRun } from '../../src/research/report/account-curve.js';
import { reportOf } from '../../src/research/report/run-report.js';
import { LiveRun } from '../../src/trader/live-run.js';
import { BTC, barOf } from '../contract/store-rows.js';
import { captureIo } from '../support/command-io.js';
import { madeFill } from '../support/made-fill.js';
import { paperWorld } from '../support/paper-world.js';
import { CONFIG, HOUR_MS, KEY, randomWalk, START_MS, tinyStream } from '../support/tiny-stream.js';

const DAY_MS = 24 * HOUR_MS;
/** Bars before the fills, so that each figure has a bar to stand on. */
const FILLED_MS = START_MS + 3 * HOUR_MS;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-account-'));
  mkdirSync(path.join(dir, 'run'));
  writeFileSync(
    path.join(dir, 'box.toml'),
    `[device]\nstateDir = "${dir}"\nrunDir = "${dir}/run"\n` +
      '[[exchange]]\nid = "binance"\nsymbols = ["BTC/USDT"]\n[[exchange]]\nid = "kraken"\nsymbols = ["BTC/USDT"]\n',
  );
});
afterEach(() => rmSync(dir, { recursive: true }));

async function printed(command: Command, ...args: string[]): Promise<string> {
  const io = captureIo();
  await command.run([...args, '--config', path.join(dir, 'box.toml')], io);
  return io.out();
}

let made = 0;
function fillOf(side: Fill['side'], amount: string, price: string, of: Partial<Fill> = {}): Fill {
  made++;
  return madeFill(made, side, amount, price, { atMs: FILLED_MS + made, ...of });
}

async function record(store: DuckStore, fill: Fill): Promise<void> {
  const { clientOrderId, exchange, symbol, side, amount, atMs } = fill;
  const order: OrderRequest = {
    clientOrderId,
    exchange,
    symbol,
    side,
    type: 'market',
    amount,
    barOpenMs: START_MS,
    decisionPrice: 100,
    reducing: false,
  };
  const event = { order, status: 'filled', exchangeOrderId: '1', reason: null, message: null } as const;
  await store.recordOrder({ ...event, filled: amount, averagePrice: fill.price, atMs }, [fill]);
}

interface Told {
  readonly trades: {
    closed: number;
    profit: string;
    open: object[];
    fees: object;
    trades: { profit: string }[];
  };
  readonly report: { closedTrades: number; fees: number };
  /** Cells of the page's table of trades, row by row. */
  readonly page: string[][];
  readonly risk: RiskInputs;
  readonly status: { trades: { closed: number; profit: string; fees: Record<string, string> } };
}

/** What the four of them say of a box in whose store these fills stand. */
async function told(fills: readonly Fill[], prepare: (store: DuckStore) => Promise<void> = async () => {}) {
  let store = await openStore({ path: path.join(dir, 'redbutton.duckdb') });
  await prepare(store);
  for (const exchange of ['binance', 'kraken'])
    for (let i = 0; i < 6; i++)
      await store.commitBar(
        barOf({ ...BTC, exchange }, i, { rng: seededRng(i).next, decided: true, risk: 'none' }),
      );
  await store.recordRun({
    atMs: START_MS,
    settings: runSettingsText(CONFIG, 3, [
      tinyStream(),
      tinyStream(undefined, { ...KEY, exchange: 'kraken' }),
    ]),
  });
  for (const fill of fills) await record(store, fill);
  await store.close();

  const fromTrades = JSON.parse(await printed(trades, '--json'));
  const page = path.join(dir, 'page.html');
  const fromReport = JSON.parse(await printed(report, '--json', '--out', page)).metrics;
  const section = /<h2>Trades<\/h2>[\s\S]*?<\/section>/.exec(readFileSync(page, 'utf8'))?.[0] ?? '';
  const rows = [...section.matchAll(/<tr>(<td[\s\S]*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell!),
  );

  store = await openStore({ path: path.join(dir, 'redbutton.duckdb') });
  const { pipeline, bar } = await paperWorld({ store });
  const live = new LiveRun({
    pipeline,
    streams: [],
    store,
    clock: { wallMs: () => 0, monotonicMs: () => 0, sleep: async () => undefined },
    alerts: { raise: async () => undefined },
    states: { state: () => 'ACTIVE' },
    mode: 'paper',
    version: 'test',
    silenceMsMax: 1000,
    backfillBars: 1,
    backoffMs: [1],
    publishState: () => undefined,
    onBar: async () => undefined,
  });
  const state = live.state();
  const server = createControlServer(path.join(dir, 'run', 'trader.sock'), 'the trader', {
    ...storeRoutes(store.queries, path.join(dir, 'handover'), async () => ({ added: 0, refused: 0 })),
    'GET /status': () => ({ status: 200, body: state }),
  });
  await server.start();
  const fromStatus = JSON.parse(await printed(status, '--json')).trader;
  await server.stop();
  let inputs: RiskInputs | null = null;
  for (const candle of randomWalk(seededRng(4), 200, 100)) {
    const outcome = await bar({ ...candle, openMs: candle.openMs + DAY_MS });
    if (outcome.kind === 'decided' && outcome.record.risk !== null) {
      inputs = outcome.record.risk.inputs;
      break;
    }
  }
  await store.close();
  return { trades: fromTrades, report: fromReport, page: rows, risk: inputs!, status: fromStatus } as Told;
}

describe('trades, report, risk and status', { timeout: 60_000 }, () => {
  it('tell the same profit of a purchase with its fee in base that was sold whole', async () => {
    const { trades, report, page, risk, status } = await told([
      fillOf('buy', '1', '100', { fee: '0.001', feeCurrency: 'BTC' }),
      fillOf('sell', '0.999', '90'),
    ]);
    // 0.999 · 90 − 100
    expect(trades).toMatchObject({ closed: 1, profit: '-10.09', open: [] });
    expect(report.closedTrades).toBe(1);
    expect(page.flat().join(' ')).toContain('−10.09');
    expect(risk.losingTrades).toBe(1);
    expect(status.trades).toMatchObject({ closed: 1, profit: '-10.09' });
  });

  it('value a fee in a third currency at the day’s price, and never take it for quote', async () => {
    const fee = { fee: '0.01', feeCurrency: 'BNB' };
    const hours = Array.from({ length: 6 }, (_, i) => ({
      openMs: START_MS + i * HOUR_MS,
      open: 600,
      high: 600,
      low: 600,
      close: 600,
      volume: 1,
    }));
    const { trades, report, page, status } = await told(
      [fillOf('buy', '1', '100', fee), fillOf('sell', '1', '120', fee)],
      async (store) =>
        void (await store.addCandles({ ...KEY, symbol: 'BNB/USDT' }, toColumns(hours), START_MS)),
    );
    // 120 − 100 − 2 · 0.01 · 600
    expect(trades).toMatchObject({ closed: 1, profit: '8', fees: { BNB: '0.02' } });
    expect(report.fees).toBeCloseTo(12, 10);
    expect(page.flat().join(' ')).toContain('+8.00');
    expect(status.trades).toMatchObject({ closed: 1, profit: '8', fees: { USDT: '12' } });
  });

  it('show a fee in a third currency by itself where no price of it is known', async () => {
    const fee = { fee: '0.01', feeCurrency: 'BNB' };
    const { trades, report, page, status } = await told([
      fillOf('buy', '1', '100', fee),
      fillOf('sell', '1', '120', fee),
    ]);
    expect(trades).toMatchObject({ closed: 1, profit: '20', fees: { BNB: '0.02' } });
    expect(report.fees).toBe(0);
    expect(page.flat().join(' ')).toContain('+20.00');
    expect(readFileSync(path.join(dir, 'page.html'), 'utf8')).toMatch(
      /Fees \(BNB\)<\/td><td class="n">0\.02/,
    );
    expect(status.trades).toMatchObject({ closed: 1, profit: '20', fees: { BNB: '0.02' } });
  });

  it('keep a purchase at one exchange and a sale at another apart', async () => {
    const { trades, report, page, status } = await told([
      fillOf('buy', '1', '100'),
      fillOf('sell', '1', '110', { exchange: 'kraken' }),
    ]);
    expect(trades.closed).toBe(0);
    expect(trades.open).toHaveLength(2);
    expect(report.closedTrades).toBe(0);
    expect(page.map((row) => row[1])).toEqual(['open', 'open']);
    expect(status.trades).toMatchObject({ closed: 0, profit: '0' });
  });
});

describe('exposure', () => {
  it('of a coin priced at 1e-8 is that of the same series times 5e9', () => {
    // Amounts that doubles cannot add up: what they leave of nothing is 1e-5 of a coin of which there are 1e11.
    const deals = [
      ['buy', 100_000_000_000.1],
      ['buy', 200_000_000_000.2],
      ['sell', 300_000_000_000.3],
      ['buy', 70_000_000_000.7],
      ['sell', 70_000_000_000.7],
    ] as const;
    const run = (scale: number) => {
      const openMs = Float64Array.from({ length: 12 }, (_, i) => START_MS + i * HOUR_MS);
      const close = Float64Array.from(openMs, (_, i) => (1e-8 + (i % 3) * 1e-10) * scale);
      const bars: InstrumentRun['bars'] = {
        openMs,
        close,
        equity: Float64Array.from(openMs, () => 5000),
        probabilityUp: new Float64Array(12).fill(Number.NaN),
        silent: {},
        denials: {},
        psi: {},
      };
      const fills = deals.map(([side, amount], i) => {
        const units = (amount * 10) / scale;
        return fillOf(side, (units / 10).toFixed(scale === 1 ? 1 : 12), String(1e-8 * scale), {
          symbol: 'SHIB/USDT',
          atMs: START_MS + (2 * i + 1) * HOUR_MS,
        });
      });
      return reportOf({
        kind: 'backtest',
        instruments: [{ stream: { ...KEY, symbol: 'SHIB/USDT' }, bars }],
        calendar: '24x7',
        fills,
        orders: [],
        halts: [],
        quarantinedRows: [],
        horizonBars: 1,
        confidenceThreshold: 0.5,
        aucWindow: 30,
        aucCritical: 0.5,
        startCash: 5000,
        madeAtMs: 0,
        settings: [],
        hashes: [],
        notes: [],
      });
    };
    const [small, large] = [run(1), run(5e9)];
    // Held from bar 1 to 4, flat from 5 on, held from 7 to 8, flat again: 6 of 12.
    expect([small.metrics.exposure, large.metrics.exposure]).toEqual([0.5, 0.5]);
    const curve = (of: typeof small) => Array.from(of.account.exposure!);
    for (const [i, value] of curve(large).entries())
      expect(curve(small)[i], `bar ${i}`).toBeCloseTo(value, 12);
  });
});
