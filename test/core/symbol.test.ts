import { expect, it } from 'vitest';
import { currenciesOf, isDerivative } from '../../src/core/symbol.js';

it.each([
  ['BTC/USDT', { base: 'BTC', quote: 'USDT', settle: null }],
  ['BTC/USDT:USDT', { base: 'BTC', quote: 'USDT', settle: 'USDT' }],
  ['BTC/USD:BTC-261229', { base: 'BTC', quote: 'USD', settle: 'BTC' }],
])('%s is taken apart', (symbol, currencies) => {
  expect(currenciesOf(symbol)).toEqual(currencies);
  expect(isDerivative(symbol)).toBe(currencies.settle !== null);
});
