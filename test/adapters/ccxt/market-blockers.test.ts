// @module-tag sockets

import { afterEach, expect, it } from 'vitest';
import { createExchange, marketBlockers } from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { startWorld } from '../../simulator/world.js';
import { type DialectServer, startDialect } from './dialect-server.js';

let server: DialectServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** A swap as OKX lists it: `ctVal` coins (or, where inverse, units of the quote) to the contract. */
const swap = (base: string, quote: string, ctVal: string, ctType: 'linear' | 'inverse') => ({
  instType: 'SWAP',
  instId: `${base}-${quote}-SWAP`,
  uly: `${base}-${quote}`,
  baseCcy: '',
  quoteCcy: '',
  settleCcy: ctType === 'linear' ? quote : base,
  ctVal,
  ctMult: '1',
  ctValCcy: ctType === 'linear' ? base : quote,
  ctType,
  tickSz: '0.1',
  lotSz: '1',
  minSz: '1',
  state: 'live',
  lever: '100',
  listTime: '1',
});

it.each([
  ['a hundredth of a coin', 'BTC/USDT:USDT', ['E_LIVE_CONTRACT_SIZE']],
  ['ten coins', 'XRP/USDT:USDT', ['E_LIVE_CONTRACT_SIZE']],
  ['one coin', 'ETH/USDT:USDT', []],
  ['a hundred dollars of a coin', 'BTC/USD:BTC', ['E_LIVE_CONTRACT_SIZE', 'E_LIVE_INVERSE']],
])('refuses a contract that is not one coin, as the exchange lists it: %s', async (_, symbol, codes) => {
  const listed = [
    swap('BTC', 'USDT', '0.01', 'linear'),
    swap('XRP', 'USDT', '10', 'linear'),
    swap('ETH', 'USDT', '1', 'linear'),
    swap('BTC', 'USD', '100', 'inverse'),
  ];
  server = await startDialect(({ path, params }) =>
    path === '/api/v5/public/instruments'
      ? { code: '0', data: params.get('instType') === 'SWAP' ? listed : [] }
      : { code: '0', data: [] },
  );
  const connection = await createExchange(server.settings('okx', [symbol]), createSystemClock());
  expect(marketBlockers(connection, [symbol], 'limit_ioc')).toEqual([]);
  await connection.api.loadMarkets();
  const refusals = marketBlockers(connection, [symbol], 'limit_ioc');
  expect(refusals.map(({ code }) => code)).toEqual(codes);
  expect(refusals.every(({ message }) => message.includes(symbol))).toBe(true);
});

it('refuses limit orders that would rest, and advises no order at any price instead', async () => {
  const world = await startWorld();
  const connection = await world.connect();
  await connection.api.loadMarkets();
  expect(marketBlockers(connection, ['BTC/USDT'], 'limit_ioc')).toEqual([]);
  connection.api.featureValue = () => null;
  const refusals = marketBlockers(connection, ['BTC/USDT'], 'limit_ioc');
  await world.simulator.stop();
  expect(refusals.map(({ code }) => code)).toEqual(['E_ORDER_TYPE']);
  expect(`${refusals[0]!.message} ${refusals[0]!.remedy}`).not.toContain('market"');
});
