import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../src/core/manifest.js';
import { marketFit, strangeMarket } from '../../src/core/model-market.js';

const BTC = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
const ETH = { ...BTC, symbol: 'ETH/USDT' };
const trained = (origin: object | null) =>
  ({
    sha256: '709b45ea'.repeat(8),
    training: origin && { exchange: null, symbol: null, timeframe: null, ...origin },
  }) as Pick<ModelManifest, 'sha256' | 'training'>;

describe('the market of a model', () => {
  it.each([
    ['all as it is used', BTC, 'on'],
    ['no exchange', { ...BTC, exchange: null }, 'on'],
    ['several streams of the box', { ...BTC, symbol: 'ETH/USDT,BTC/USDT', exchange: 'kraken,binance' }, 'on'],
    ['another symbol', { ...BTC, symbol: 'SPX/USD' }, 'off'],
    ['the same coin as a derivative', { ...BTC, symbol: 'BTC/USDT:USDT' }, 'off'],
    ['another time frame', { ...BTC, timeframe: '1d' }, 'off'],
    ['another exchange', { ...BTC, exchange: 'kraken' }, 'off'],
    ['another time frame and no symbol', { timeframe: '1d' }, 'off'],
    ['no symbol', { exchange: 'binance', timeframe: '1h' }, 'unsaid'],
    ['no time frame', { exchange: 'binance', symbol: 'BTC/USDT' }, 'unsaid'],
    ['nothing', {}, 'unsaid'],
    ['nothing, as of an imported model', null, 'unsaid'],
  ] as const)('given a manifest that names %s', (_, origin, fit) => {
    expect(marketFit(trained(origin), BTC)).toBe(fit);
  });

  it('is said in one sentence that names the streams which are off it, and none that is not', () => {
    expect(strangeMarket(trained(BTC), [BTC])).toBeNull();
    expect(strangeMarket(trained(BTC), [BTC, ETH])?.sentence).toBe(
      'the model 709b45ea was trained on BTC/USDT (1h) at binance and decides on ETH/USDT (1h) at binance: such days on paper do not count towards real money',
    );
    expect(strangeMarket(trained({ timeframe: '1d' }), [BTC])?.sentence).toBe(
      'the model 709b45ea was trained on a market that its manifest does not name (1d) and decides on BTC/USDT (1h) at binance: such days on paper do not count towards real money',
    );
    expect(strangeMarket(trained(null), [BTC, ETH])?.sentence).toBe(
      'the model 709b45ea decides on BTC/USDT (1h) at binance; ETH/USDT (1h) at binance, and its manifest does not say which market it was trained on',
    );
  });
});
