import { expect, it } from 'vitest';
import { toColumns } from '../../src/core/candle.js';
import { derivedRules } from '../../src/core/derived-rules.js';

const candles = toColumns([{ openMs: 0, open: 1, high: 1, low: 1, close: 1.25, volume: 1 }]);

it.each([
  ['BTC/USDT', '10'],
  ['BTC/EUR', '10'],
  ['ETH/BTC', '0.0001'],
  ['SOL/ETH', '0.005'],
  ['BTC/USDT:USDT', '10'],
  // No exchange says what the least order in it is: it does not keep anything from trading.
  ['ETH/XYZ', '0'],
])('the least order in %s is worth %s of its quote', (symbol, least) => {
  expect(derivedRules(symbol, candles, '0.001')).toMatchObject({ notionalMin: least, priceTick: '0.01' });
});
