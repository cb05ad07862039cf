import { describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import { createMarketMonitor } from '../../src/trader/market-monitor.js';
import type { TradedExchange } from '../../src/trader/open-exchanges.js';

describe('a symbol that is not listed', () => {
  it('is a critical alert where it is held, a warning where not, and shown either way', async () => {
    const told: unknown[] = [];
    const lifecycle = createMarketMonitor({
      alerts: { raise: async (code: string, figures: object) => void told.push([code, figures]) } as never,
      log: {} as never,
    });
    const market = {
      run: async () => undefined,
      closed: () => new Map(),
    } as unknown as TradedExchange['market'];
    const exchange = { id: 'binance', market, missing: ['A/USDT', 'B/USDT'] } as unknown as TradedExchange;
    const book = (_exchange: string, symbol: string) =>
      ({ units: decimal(symbol === 'B/USDT' ? '0.25' : '0') }) as never;
    await lifecycle.start({ exchanges: [exchange], portfolio: { book }, recordRun: async () => undefined });
    expect(told).toEqual([
      ['SYMBOL_NOT_LISTED', { exchange: 'binance', symbol: 'A/USDT' }],
      ['SYMBOL_NOT_LISTED_HELD', { exchange: 'binance', symbol: 'B/USDT', held: '0.25' }],
    ]);
    expect(lifecycle.health().map(({ layer, errorCode }) => `${layer} ${errorCode}`)).toEqual([
      'market binance:A/USDT E_SYMBOL_UNKNOWN',
      'market binance:B/USDT E_SYMBOL_UNKNOWN',
    ]);
    await lifecycle.stop();
  });
});
