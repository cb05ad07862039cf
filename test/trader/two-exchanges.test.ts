// @module-tag sockets

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/adapters/log/log.js';
import { parseConfig } from '../../src/config/load.js';
import { toColumns } from '../../src/core/candle.js';
import { decimal } from '../../src/core/money.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { PermitFile } from '../../src/guard/permit-file.js';
import { ExchangeSimulator, simulatedClock } from '../../src/simulator/index.js';
import { createTrader, type Trader } from '../../src/trader/trader.js';

const MODEL = fileURLToPath(new URL('../../models/sp500-daily', import.meta.url));
const HOUR_MS = 3_600_000;
const HISTORY = 60;
const KEY = { apiKey: 'key', secret: 'secret' };
/** Both speak Binance's protocol, so that the simulator can be either. */
const EXCHANGES = [
  { id: 'binance', symbol: 'BTC/USDT', price: 30_000 },
  { id: 'binanceus', symbol: 'ETH/USDT', price: 2_000 },
] as const;

async function simulator(symbol: string, price: number, seed: number): Promise<ExchangeSimulator> {
  const rng = seededRng(seed);
  let close = price;
  const candles = Array.from({ length: HISTORY + 200 }, (_, i) => {
    const open = close;
    close = Number((close * (1 + (rng.next() - 0.5) * 0.04)).toFixed(2));
    const [high, low] = [Math.max(open, close), Math.min(open, close)];
    return { openMs: Date.UTC(2024, 0, 1) + i * HOUR_MS, open, high, low, close, volume: 1 + rng.next() };
  });
  const made = new ExchangeSimulator({
    markets: [{ symbol, timeframe: '1h', candles: toColumns(candles) }],
    startIndex: HISTORY,
    accounts: [{ ...KEY, balances: { USDT: '50000' } }],
  });
  await made.start();
  return made;
}

/** One trader, live, on two exchanges; the test is its guard. */
async function startBox() {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-two-'));
  mkdirSync(path.join(dir, 'guard'));
  const simulators = await Promise.all(
    EXCHANGES.map(({ symbol, price }, i) => simulator(symbol, price, i + 1)),
  );
  const config = parseConfig(
    stringify({
      mode: 'live',
      timeframe: '1h',
      modelDir: MODEL,
      device: { name: 'two', stateDir: path.join(dir, 'state'), runDir: dir },
      exchange: EXCHANGES.map(({ id, symbol }, i) => ({
        id,
        symbols: [symbol],
        restUrl: simulators[i]!.restUrl,
        wsUrl: simulators[i]!.wsUrl,
        simulatedTime: true,
        sandbox: true,
      })),
      signals: { confidenceThreshold: 0 },
      risk: { kellyFraction: 1, drawdownHaltFraction: 0.9 },
      execution: { ordersPerMinuteMax: 100_000 },
      ingestion: { silenceMsMax: 86_400_000 },
      log: { level: 'silent' },
    }),
    'this test',
  );
  const permit = new PermitFile(path.join(dir, 'guard', 'permit'));
  const renew = () => permit.renew('ACTIVE', 1, Number(process.hrtime.bigint()) / 1e6 + 500);
  renew();
  const renewing = setInterval(renew, 100);
  const env = Object.fromEntries(
    EXCHANGES.flatMap(({ id }) => [
      [`REDBUTTON_${id.toUpperCase()}_API_KEY`, KEY.apiKey],
      [`REDBUTTON_${id.toUpperCase()}_API_SECRET`, KEY.secret],
    ]),
  );
  const bars = new Map<string, number>();
  const trader = await createTrader({
    config,
    env,
    clock: simulatedClock(simulators[0]!),
    rng: { next: Math.random },
    log: createLog('silent'),
    version: '0.0.0-test',
    onBar: async (outcome) => {
      if (outcome.kind !== 'decided') return;
      bars.set(outcome.stream.exchange, (bars.get(outcome.stream.exchange) ?? 0) + 1);
    },
  });
  await trader.start();
  const ending = new AbortController();
  const ended = trader.run(ending.signal);
  ended.catch(() => undefined);
  return {
    simulators,
    trader,
    bars: (exchange: string) => bars.get(exchange) ?? 0,
    async stop() {
      ending.abort();
      await ended;
      await trader.stop();
      clearInterval(renewing);
      permit.close();
      for (const each of simulators) await each.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function until(what: string, isSo: () => boolean, forMs = 20_000): Promise<void> {
  const endMs = performance.now() + forMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Executions of an exchange as its ledger and as the box's store have them. */
async function told(trader: Trader, simulators: readonly ExchangeSimulator[]) {
  const fills = await trader.store.fills();
  return EXCHANGES.map(({ id }, i) => ({
    real: simulators[i]!.ledger().accounts[0]!.trades.map(
      (trade) => `${trade.tradeId} ${trade.side} ${decimal(trade.amount).toFixed()}`,
    ),
    stored: fills
      .filter(({ exchange }) => exchange === id)
      .map((fill) => `${fill.fillId} ${fill.side} ${decimal(fill.amount).toFixed()}`),
  }));
}

describe('one trader on two exchanges', () => {
  let box: Awaited<ReturnType<typeof startBox>> | undefined;
  afterEach(async () => {
    await box?.stop();
    box = undefined;
  });

  it('trades on both, a position each, and what it stores of each is what that one did', async () => {
    box = await startBox();
    const { simulators, trader, bars } = box;
    await until('both feeds', () =>
      EXCHANGES.every(({ symbol }, i) => simulators[i]!.subscribers(symbol) > 0),
    );
    for (let bar = 1; bar <= 12; bar++) {
      for (const each of simulators) await each.step();
      await until(`bar ${bar}`, () => EXCHANGES.every(({ id }) => bars(id) >= bar));
    }
    await until('settled orders', () => trader.pipeline.state().unresolvedOrders === 0);
    for (const { real, stored } of await told(trader, simulators)) {
      expect(real.length).toBeGreaterThan(0);
      expect(stored).toEqual(real);
    }
    for (const [i, { id, symbol }] of EXCHANGES.entries()) {
      const [account] = simulators[i]!.ledger().accounts;
      const held = account!.balances[symbol.split('/')[0]!]?.free ?? '0';
      expect(trader.pipeline.portfolio.book(id, symbol).units.toFixed()).toBe(decimal(held).toFixed());
    }
    const [first, second] = simulators.map((each) => each.ledger().accounts[0]!.balances.USDT!.free);
    expect(trader.pipeline.portfolio.cash()).toBe(decimal(first!).plus(second!).toNumber());
  });

  it('continues at full pace on one while the other answers no more', async () => {
    box = await startBox();
    const { simulators, trader, bars } = box;
    const [failing, sound] = simulators as [ExchangeSimulator, ExchangeSimulator];
    await until('both feeds', () =>
      EXCHANGES.every(({ symbol }, i) => simulators[i]!.subscribers(symbol) > 0),
    );
    // Every request to the first one hangs from now on: quotes, orders, comparisons.
    failing.interceptor = () => ({ kind: 'delay', ms: 60_000 });
    let worstMs = 0;
    for (let bar = 1; bar <= 12; bar++) {
      for (const each of simulators) await each.step();
      const from = performance.now();
      await until(`bar ${bar} of the sound exchange`, () => bars('binanceus') >= bar);
      worstMs = Math.max(worstMs, performance.now() - from);
    }
    console.log(`slowest bar on one exchange while the other hangs: ${worstMs.toFixed(0)} ms`);
    expect(worstMs).toBeLessThan(3000);
    expect(bars('binance')).toBeLessThan(2);
    await until('its orders', () => sound.ledger().accounts[0]!.trades.length > 0);
    expect(await trader.pipeline.orders.reconcile('binanceus')).toMatchObject({ kind: 'agreed' });
    failing.interceptor = undefined;
    await until('the failing one to be back', () => bars('binance') > 0);
  }, 60_000);
});
