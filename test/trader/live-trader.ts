import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { createLog, type Log } from '../../src/adapters/log/log.js';
import { parseConfig } from '../../src/config/load.js';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { PermitFile } from '../../src/guard/permit-file.js';
import { ExchangeSimulator, type SimulatorOptions, simulatedClock } from '../../src/simulator/index.js';
import { createTrader, type Trader } from '../../src/trader/trader.js';

const MODEL = fileURLToPath(new URL('../../models/sp500-daily', import.meta.url));
const HOUR_MS = 3_600_000;
const HISTORY = 60;
export const SYMBOL = 'BTC/USDT';
export const KEY = { apiKey: 'key', secret: 'secret' };

/** One trader in mode live against the simulator, the test being its guard. */
export interface LiveTrader {
  readonly simulator: ExchangeSimulator;
  readonly trader: Trader;
  /** Completes a bar; resolves when the trader has taken it and acted on it. */
  step(): Promise<void>;
  until(what: string, isSo: () => boolean | Promise<boolean>, forMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startLiveTrader(
  options: Partial<SimulatorOptions> = {},
  execution: Readonly<Record<string, unknown>> = {},
  {
    symbols = [SYMBOL],
    log = createLog('silent'),
    settings = {},
    env = {},
    before = async () => undefined,
  }: {
    readonly symbols?: readonly string[];
    readonly log?: Log;
    /** Further sections of the configuration. */
    readonly settings?: Readonly<Record<string, object>>;
    readonly env?: Readonly<Record<string, string>>;
    /** Prepares the state folder that the trader finds. */
    readonly before?: (stateDir: string) => Promise<void>;
  } = {},
): Promise<LiveTrader> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-live-trader-'));
  mkdirSync(path.join(dir, 'guard'));
  mkdirSync(path.join(dir, 'state'));
  await before(path.join(dir, 'state'));
  const rng = seededRng(1);
  let close = 30_000;
  const candles = Array.from({ length: HISTORY + 200 }, (_, i) => {
    const open = close;
    close = Number((close * (1 + (rng.next() - 0.5) * 0.04)).toFixed(2));
    const [high, low] = [Math.max(open, close), Math.min(open, close)];
    return { openMs: Date.UTC(2024, 0, 1) + i * HOUR_MS, open, high, low, close, volume: 1 + rng.next() };
  });
  const simulator = new ExchangeSimulator({
    markets: [{ symbol: SYMBOL, timeframe: '1h', candles: toColumns(candles) }],
    startIndex: HISTORY,
    accounts: [{ ...KEY, balances: { USDT: '50000' } }],
    ...options,
  });
  await simulator.start();
  const config = parseConfig(
    stringify({
      mode: 'live',
      timeframe: '1h',
      modelDir: MODEL,
      device: { name: 'box', stateDir: path.join(dir, 'state'), runDir: dir },
      exchange: [
        {
          symbols: [...symbols],
          restUrl: simulator.restUrl,
          wsUrl: simulator.wsUrl,
          simulatedTime: true,
          sandbox: true,
        },
      ],
      signals: { confidenceThreshold: 0 },
      risk: { kellyFraction: 1, drawdownHaltFraction: 0.9 },
      execution: { ordersPerMinuteMax: 100_000, ...execution },
      ingestion: { silenceMsMax: 86_400_000 },
      log: { level: 'silent' },
      ...settings,
    }),
    'this test',
  );
  const permit = new PermitFile(path.join(dir, 'guard', 'permit'));
  const renew = () => permit.renew('ACTIVE', 1, Number(process.hrtime.bigint()) / 1e6 + 500);
  renew();
  const renewing = setInterval(renew, 100);
  let taken = 0;
  const trader = await createTrader({
    config,
    env: { REDBUTTON_BINANCE_API_KEY: KEY.apiKey, REDBUTTON_BINANCE_API_SECRET: KEY.secret, ...env },
    clock: simulatedClock(simulator),
    rng: { next: Math.random },
    log,
    version: '0.0.0-test',
    onBar: async ({ kind }) => {
      // Where the feed broke at the close, the bar comes as history and is not decided on.
      if (kind === 'decided' || kind === 'learned') taken++;
    },
  });
  await trader.start();
  const ending = new AbortController();
  const ended = trader.run(ending.signal);
  let failure: unknown;
  ended.catch((error: unknown) => {
    failure = error;
  });

  const until: LiveTrader['until'] = async (what, isSo, forMs = 20_000) => {
    const endMs = performance.now() + forMs;
    while (!(await isSo())) {
      // A trader whose run has ended is restarted on a box; here it is a failure of the test.
      if (failure !== undefined) throw failure;
      if (performance.now() > endMs) throw new Error(`waited ${forMs} ms in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await until('the bars', () => simulator.subscribers(SYMBOL) > 0);
  await until('agreement', () => trader.pipeline.state().unresolvedOrders === 0);
  return {
    simulator,
    trader,
    until,
    async step() {
      const before = taken;
      await simulator.step();
      await until('the next bar', () => taken > before, 30_000);
    },
    async stop() {
      ending.abort();
      await ended;
      await trader.stop();
      clearInterval(renewing);
      permit.close();
      await simulator.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
