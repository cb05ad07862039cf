import { type ConnectedExchange, createExchange } from '../../src/adapters/ccxt/index.js';
import { configSchema, type ExchangeConfig } from '../../src/config/schema.js';
import { type CandleColumns, toColumns } from '../../src/core/candle.js';
import type { Clock } from '../../src/ports/time.js';
import { ExchangeSimulator, type SimulatorOptions, simulatedClock } from '../../src/simulator/index.js';

export const HOUR_MS = 3_600_000;
export const START_MS = Date.UTC(2024, 0, 1);
export const ACCOUNT = {
  apiKey: 'test-key',
  secret: 'test-secret',
  balances: { USDT: '100000', BTC: '2' },
} as const;
/** Kraken's secrets are base64. */
export const KRAKEN_ACCOUNT = { ...ACCOUNT, secret: 'dGVzdC1zZWNyZXQ=' } as const;

/** A walk with a period and a drift: every candle differs, prices stay on 0.01, nothing is random. */
export function walk(
  count: number,
  options: { startMs?: number; barMs?: number; skip?: readonly number[] } = {},
): CandleColumns {
  const { startMs = START_MS, barMs = HOUR_MS, skip = [] } = options;
  const price = (i: number) => Math.round((40_000 + 900 * Math.sin(i / 7) + 3.37 * i) * 100) / 100;
  const candles = Array.from({ length: count }, (_, i) => {
    const open = price(i);
    const close = price(i + 1);
    return {
      openMs: startMs + i * barMs,
      open,
      high: Math.round((Math.max(open, close) + 11.11) * 100) / 100,
      low: Math.round((Math.min(open, close) - 7.77) * 100) / 100,
      close,
      volume: 10 + (i % 13) / 8,
    };
  });
  return toColumns(candles.filter((_, i) => !skip.includes(i)));
}

export interface World {
  readonly simulator: ExchangeSimulator;
  readonly clock: Clock;
  readonly config: ExchangeConfig;
  connect(credentials?: { apiKey: string; secret: string }): Promise<ConnectedExchange>;
}

/** Starts a simulator with one market (BTC/USDT, 1h) on a free port. The caller stops it. */
export async function startWorld(
  options: Partial<SimulatorOptions> & { candles?: CandleColumns } = {},
): Promise<World> {
  const { candles = walk(200), ...rest } = options;
  const simulator = new ExchangeSimulator({
    markets: [{ symbol: 'BTC/USDT', timeframe: '1h', candles, priceTick: '0.01' }],
    startIndex: 100,
    accounts: [ACCOUNT],
    ...rest,
  });
  await simulator.start();
  const clock = simulatedClock(simulator);
  const config = configSchema.parse({
    exchange: [
      {
        id: rest.dialect ?? 'binance',
        symbols: ['BTC/USDT'],
        restUrl: simulator.restUrl,
        wsUrl: simulator.wsUrl,
      },
    ],
  }).exchange[0]!;
  return {
    simulator,
    clock,
    config,
    connect: (credentials = ACCOUNT) => createExchange(config, clock, credentials, { device: 'box' }),
  };
}
