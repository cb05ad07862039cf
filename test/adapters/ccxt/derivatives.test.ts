// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import {
  CcxtEmergencyCanceller,
  createCcxtBroker,
  createExchange,
} from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import type { OrderRequest } from '../../../src/core/order.js';
import { startWorld } from '../../simulator/world.js';
import { type DialectServer, type SeenRequest, startDialect } from './dialect-server.js';

const SYMBOL = 'BTC/USDT:USDT';
const clock = createSystemClock();
const QUOTE = { bid: 60_000, ask: 60_001, atMs: 0, source: 'book' } as const;
let server: DialectServer;
afterEach(() => server.stop());

const MARKET = {
  symbol: 'BTCUSDT',
  pair: 'BTCUSDT',
  contractType: 'PERPETUAL',
  status: 'TRADING',
  baseAsset: 'BTC',
  quoteAsset: 'USDT',
  marginAsset: 'USDT',
  pricePrecision: 1,
  quantityPrecision: 3,
  baseAssetPrecision: 8,
  quotePrecision: 8,
  orderTypes: ['LIMIT', 'MARKET', 'STOP_MARKET'],
  timeInForce: ['GTC', 'IOC', 'FOK'],
  filters: [
    { filterType: 'PRICE_FILTER', minPrice: '0.1', maxPrice: '1000000', tickSize: '0.1' },
    { filterType: 'LOT_SIZE', minQty: '0.001', maxQty: '1000', stepSize: '0.001' },
    { filterType: 'MIN_NOTIONAL', notional: '5' },
  ],
};

/** Binance's USDⓈ-M futures, as far as an order and a position go. */
function futures(positions: unknown) {
  return ({ method, path, params }: SeenRequest): unknown => {
    if (path.endsWith('/exchangeInfo')) return { symbols: path.startsWith('/fapi') ? [MARKET] : [] };
    if (path.endsWith('/order') && method === 'POST') {
      const [side, clientOrderId] = [params.get('side'), params.get('newClientOrderId')];
      return {
        symbol: 'BTCUSDT',
        orderId: 5,
        status: 'EXPIRED',
        side,
        clientOrderId,
        origQty: '0.01',
        executedQty: '0',
        type: 'LIMIT',
        timeInForce: 'IOC',
        price: '60000',
        updateTime: Date.now(),
      };
    }
    if (path.endsWith('/openOrders') || path.endsWith('/allOrders')) return [];
    if (path.endsWith('/openAlgoOrders')) return [];
    if (path.endsWith('/leverageBracket')) return [];
    if (/positionRisk|\/account$/.test(path)) return positions;
    if (path.endsWith('/balance')) return [];
    return undefined;
  };
}

const order = (more: Partial<OrderRequest>): OrderRequest => ({
  clientOrderId: 'rb-box-1',
  exchange: 'binanceusdm',
  symbol: SYMBOL,
  side: 'sell',
  type: 'limit_ioc',
  amount: '0.01',
  limitPrice: '60000',
  barOpenMs: 0,
  decisionPrice: 60_000,
  reducing: true,
  ...more,
});

describe('an order of a derivative', () => {
  it.each([
    ['that closes with a limit', {}, 'true'],
    ['that closes at market', { type: 'market' }, 'true'],
    ['that closes a short', { side: 'buy' }, 'true'],
    ['that opens', { reducing: false, side: 'buy' }, null],
  ] as const)('%s says whether the exchange may only reduce by it', async (_, more, reduceOnly) => {
    server = await startDialect(futures([]));
    const connection = await createExchange(server.settings('binanceusdm', [SYMBOL]), clock, {
      apiKey: 'k',
      secret: 's',
    });
    const broker = createCcxtBroker(connection, { beforeCreateLeaves: () => null });
    await broker.create(order(more), QUOTE);
    const sent = server.seen.filter(({ method, path }) => method === 'POST' && path.endsWith('/order'));
    expect(sent.map(({ params }) => params.get('reduceOnly'))).toEqual([reduceOnly]);
  });

  it('says nothing of it on spot, where a balance is all there is to sell', async () => {
    const world = await startWorld();
    server = await startDialect(() => undefined);
    const connection = await world.connect();
    const sent: Readonly<Record<string, unknown>>[] = [];
    const createOrder = connection.api.createOrder.bind(connection.api);
    connection.api.createOrder = (...request) => {
      sent.push(request[5]);
      return createOrder(...request);
    };
    await createCcxtBroker(connection, { beforeCreateLeaves: () => null }).create(
      order({ exchange: 'binance', symbol: 'BTC/USDT', type: 'market' }),
      QUOTE,
    );
    await world.simulator.stop();
    expect(sent).toHaveLength(1);
    expect(sent[0]).not.toHaveProperty('reduceOnly');
  });
});

describe('what the guard says is held of a derivative', () => {
  async function said(positions: unknown): Promise<string> {
    server = await startDialect(futures(positions));
    const canceller = new CcxtEmergencyCanceller({
      exchange: await createExchange(server.settings('binanceusdm', [SYMBOL]), clock, {
        apiKey: 'k',
        secret: 's',
      }),
      symbols: [SYMBOL],
      device: 'box',
      scope: 'ours',
      clock,
      onNotLoaded: () => undefined,
    });
    const outcome = await canceller.cancelAll(
      { epoch: 1, flatten: false, cause: 'button' },
      new AbortController().signal,
    );
    return outcome.detail;
  }
  const position = (positionAmt: string) => [
    {
      symbol: 'BTCUSDT',
      positionAmt,
      entryPrice: '60000',
      markPrice: '60000',
      unRealizedProfit: '0',
      liquidationPrice: '0',
      leverage: '20',
      marginType: 'cross',
      isolatedMargin: '0',
      positionSide: 'BOTH',
      notional: positionAmt,
      isolatedWallet: '0',
      updateTime: 1,
      initialMargin: '1',
      maintMargin: '1',
      positionInitialMargin: '1',
    },
  ];

  it.each([
    ['a long', '0.020', 'still held: long 0.02 BTC/USDT:USDT'],
    ['a short', '-0.300', 'still held: short 0.3 BTC/USDT:USDT'],
    ['none', '0.000', 'still held: nothing'],
  ])(
    'is its position: %s',
    async (_, amount, expected) => {
      expect(await said(position(amount))).toContain(expected);
    },
    30_000,
  );

  it('is unknown, in words, where the exchange does not answer', async () => {
    const detail = await said(undefined);
    expect(detail).toContain('still held: of BTC/USDT:USDT unknown');
    expect(detail).not.toContain('nothing,');
  }, 30_000);
});
