// @module-tag sockets

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createControlServer } from '../../../src/adapters/control-socket/control-server.js';
import { storeRoutes } from '../../../src/adapters/control-socket/store-routes.js';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { command as slippage } from '../../../src/cli/records/slippage.js';
import { command as trades } from '../../../src/cli/records/trades.js';
import type { Command } from '../../../src/console/command.js';
import { toColumns } from '../../../src/core/candle.js';
import type { Fill, OrderRequest } from '../../../src/core/order.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { runBacktest } from '../../../src/research/backtest/backtest.js';
import { captureIo } from '../../support/command-io.js';
import { START_CASH } from '../../support/paper-world.js';
import { CONFIG, MODEL, randomWalk, tinyStream } from '../../support/tiny-stream.js';

const NOON = Date.UTC(2024, 0, 10, 12);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-trades-'));
  mkdirSync(path.join(dir, 'run'));
  writeFileSync(
    path.join(dir, 'box.toml'),
    `[device]\nstateDir = "${dir}"\nrunDir = "${dir}/run"\n[[exchange]]\nsymbols = ["BTC/USDT"]\n`,
  );
});
afterEach(() => rmSync(dir, { recursive: true }));

const openBox = () => openStore({ path: path.join(dir, 'redbutton.duckdb') });
type Box = Awaited<ReturnType<typeof openBox>>;

async function printed(command: Command, ...args: string[]): Promise<string> {
  const io = captureIo();
  expect(await command.run([...args, '--config', path.join(dir, 'box.toml')], io)).toBe(0);
  return io.out();
}
const told = async (command: Command, ...args: string[]) =>
  JSON.parse(await printed(command, ...args, '--json'));

/** What is printed while a trader holds the store, and what after it is gone. */
async function bothWays<T>(store: Box, look: () => Promise<T>): Promise<T> {
  const routes = storeRoutes(store.queries, path.join(dir, 'handover'), async () => ({
    added: 0,
    refused: 0,
  }));
  const server = createControlServer(path.join(dir, 'run', 'trader.sock'), 'the trader', routes);
  await server.start();
  const running = await look();
  await server.stop();
  await store.close();
  expect(await look()).toEqual(running);
  return running;
}

let made = 0;
async function filled(
  store: Box,
  of: Partial<OrderRequest>,
  ...parts: readonly (Pick<Fill, 'price' | 'amount' | 'fee'> & { feeCurrency?: string; atMs: number })[]
) {
  const clientOrderId = `rb-test-${++made}`;
  const { exchange = 'binance', symbol = 'BTC/USDT', side = 'buy' } = of;
  const { atMs } = parts[0]!;
  const order: OrderRequest = {
    clientOrderId,
    exchange,
    symbol,
    side,
    type: 'market',
    amount: '1',
    barOpenMs: atMs,
    decisionPrice: 100,
    reducing: false,
    ...of,
  };
  const fills = parts.map(
    (part, i): Fill => ({
      fillId: `${clientOrderId}-${i}`,
      clientOrderId,
      exchange,
      symbol,
      side,
      feeCurrency: 'USDT',
      ...part,
    }),
  );
  const done = {
    status: 'filled',
    exchangeOrderId: 'x',
    filled: '1',
    averagePrice: '1',
    reason: null,
    message: null,
  } as const;
  await store.recordOrder({ order, ...done, atMs }, fills);
}

describe('trades and slippage', () => {
  it('tell to the last decimal what fills made of money, at the box and beside it', async () => {
    const store = await openBox();
    // Given 0.3 + 0.7 bought and 1 sold: binary floats cannot add these up
    await filled(
      store,
      { decisionPrice: 100 },
      { price: '100.10', amount: '0.3', fee: '0.03003', atMs: NOON },
      { price: '100.20', amount: '0.7', fee: '0.07014', atMs: NOON + 1 },
    );
    const hour = 3_600_000;
    await filled(
      store,
      { side: 'sell' },
      { price: '110.000000000000000001', amount: '1', fee: '0.11', atMs: NOON + hour },
    );
    // And a loss on another exchange, its fees paid in a third currency, and a position that is still open
    const elsewhere = { exchange: 'kraken', symbol: 'ETH/USDT', decisionPrice: 50 };
    await filled(store, elsewhere, {
      price: '50',
      amount: '2',
      fee: '0.001',
      feeCurrency: 'BNB',
      atMs: NOON + 2 * hour,
    });
    await filled(
      store,
      { ...elsewhere, side: 'sell' },
      { price: '49', amount: '1', fee: '0.002', feeCurrency: 'BNB', atMs: NOON + 3 * hour },
    );
    await filled(
      store,
      { ...elsewhere, side: 'sell' },
      { price: '49', amount: '1', fee: '0', feeCurrency: 'BNB', atMs: NOON + 24 * hour },
    );
    await filled(
      store,
      { symbol: 'ADA/USDT', decisionPrice: 0 },
      { price: '0.5', amount: '7', fee: '0', atMs: NOON + 25 * hour },
    );

    const [json, table, later, one, slip, slipTable] = await bothWays(store, async () => [
      await told(trades),
      await printed(trades, '--last', '1'),
      await told(trades, '--since', '2024-01-11', '--until', '2024-01-12'),
      await told(trades, '--symbol', 'BTC/USDT'),
      await told(slippage),
      await printed(slippage),
    ]);

    // 110.000000000000000001 − (0.3 · 100.10 + 0.7 · 100.20) − 0.03003 − 0.07014 − 0.11
    expect(json.trades[0]).toMatchObject({
      exchange: 'binance',
      symbol: 'BTC/USDT',
      direction: 'long',
      entryNotional: '100.17',
      profit: '9.619830000000000001',
      fees: '0.21017',
      openedAtMs: NOON,
      closedAtMs: NOON + hour,
    });
    expect(json).toMatchObject({ closed: 2, won: 1, lost: 1, profit: '7.619830000000000001' });
    expect(json.fees).toEqual({ USDT: '0.21017', BNB: '0.003' });
    expect(json.open).toEqual([{ exchange: 'binance', symbol: 'ADA/USDT', units: '7', averageEntry: 0.5 }]);
    expect(later).toMatchObject({ closed: 1, profit: '-2', fees: { BNB: '0', USDT: '0' } });
    expect(one).toMatchObject({
      closed: 1,
      profit: '9.619830000000000001',
      fees: { USDT: '0.21017' },
      open: [],
    });
    expect(table).toContain('kraken\nclosed (UTC)');
    expect(table).toMatch(/2024-01-11 12:00 {2}ETH\/USDT {2}long {3}100\.00 {2}0\.00 {3}-2\.00 {2}-2\.00 %/);
    expect(table).not.toContain('2024-01-10');
    expect(table).toContain('2 (1 won, 1 lost), the last 1 above');

    // 0.3 · 0.10 + 0.7 · 0.20 paid over, 10 received over; the adopted order has no price to be held against
    const [binance, kraken] = slip.byExchange;
    expect(binance).toMatchObject({
      key: 'binance',
      fills: 4,
      notional: '213.670000000000000001',
      arrival: null,
    });
    expect(binance.decision).toMatchObject({
      fills: 3,
      cost: '-9.830000000000000001',
      worstBps: expect.closeTo(20, 9),
    });
    expect(kraken.decision).toMatchObject({ fills: 3, cost: '2', medianBps: 200 });
    expect(slip.byHour.map(({ key, fills }: { key: string; fills: number }) => [key, fills])).toEqual([
      ['12', 3],
      ['13', 2],
      ['14', 1],
      ['15', 1],
    ]);
    expect(slip.total.fills).toBe(7);
    expect(slipTable).toMatch(/^kraken +3 +98\.99 +200\.00 +200\.00 +2\.00$/m);
    for (const text of [table, slipTable])
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('agree with the run whose fills they read, arrival told apart from decision', {
    timeout: 120_000,
  }, async () => {
    const store = await openBox();
    const result = await runBacktest({
      candles: toColumns(randomWalk(seededRng(8), 300)),
      makeStream: (clock) => tinyStream(clock),
      model: MODEL,
      config: CONFIG,
      startCash: START_CASH,
      fillModel: { halfSpreadBps: 5 },
      store,
    });
    const [json, slip] = await bothWays(store, async () => [await told(trades), await told(slippage)]);
    expect(json.trades.map((trade: { profit: string }) => Number(trade.profit))).toEqual(
      result.trades.map(({ profit }) => profit),
    );
    expect(result.trades.length).toBeGreaterThan(5);
    // The simulated exchange fills at its own quote, which stands 5 bps from the close, rounded outward to the tick
    expect(slip.total.decision.medianBps).toBeCloseTo(5, 1);
    expect(slip.total.arrival).toMatchObject({ fills: slip.total.fills, meanBps: 0, cost: '0' });
  });

  it('say so where there is nothing', async () => {
    await (await openBox()).close();
    expect(await printed(trades)).toMatch(/^closed {2}0 \(0 won, 0 lost\)\n/);
    expect(await printed(slippage)).toBe('no fill to measure\n');
  });
});
