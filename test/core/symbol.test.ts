import { expect, it } from 'vitest';
import { currenciesOf, isDerivative, isSymbol } from '../../src/core/symbol.js';

it.each([
  ['BTC/USDT', { base: 'BTC', quote: 'USDT', settle: null }],
  ['BTC/USDT:USDT', { base: 'BTC', quote: 'USDT', settle: 'USDT' }],
  ['BTC/USD:BTC-261229', { base: 'BTC', quote: 'USD', settle: 'BTC' }],
])('%s is taken apart', (symbol, currencies) => {
  expect(currenciesOf(symbol)).toEqual(currencies);
  expect(isDerivative(symbol)).toBe(currencies.settle !== null);
});

it.each([
  '币安人生/USDT',
  'BTC/USDT:USDT',
  '1000PEPE/USDT',
  'S/USDT',
  'kPEPE/USDC:USDC',
  'BTC/USD:BTC-261229',
  'BTC/USD:BTC-261229-50000-C',
  'SPY/USD',
])('%s is a symbol', (symbol) => {
  expect(isSymbol(symbol)).toBe(true);
});

it.each([
  'BTCUSDT',
  'btc/usdt',
  'BTC/',
  '/USDT',
  'BTC/USDT:',
  'BTC /USDT',
  'A/B/C',
  'BTC/USDT,ETH/USDT',
  'BTC/USDT=x',
])('%j is none', (text) => {
  expect(isSymbol(text)).toBe(false);
});
