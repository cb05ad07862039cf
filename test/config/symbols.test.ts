import { expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';

it.each(['币安人生/USDT', 'BTC/USDT:USDT', '1000PEPE/USDT', 'kPEPE/USDC:USDC'])(
  '%s may be traded',
  (symbol) => {
    expect(configSchema.safeParse({ exchange: [{ symbols: [symbol] }] }).success).toBe(true);
  },
);

it('says how a symbol is written where it is not', () => {
  const { error } = configSchema.safeParse({ exchange: [{ symbols: ['btcusdt'] }] });
  expect(error?.issues[0]).toMatchObject({
    path: ['exchange', 0, 'symbols', 0],
    message: 'expected ccxt form, as in "BTC/USDT" or "BTC/USDT:USDT"',
  });
});
