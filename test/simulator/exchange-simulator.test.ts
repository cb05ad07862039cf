// @module-tag sockets

import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { ExchangeSimulator } from '../../src/simulator/index.js';
import { ACCOUNT, HOUR_MS, START_MS, startWorld, type World, walk } from './world.js';

const CAPTURED = '../shared/data/candles/raw';
let world: World;
afterEach(() => world.simulator.stop());

const get = async <T = unknown>(path: string) =>
  (await fetch(world.simulator.restUrl + path)).json() as Promise<T>;
const captured = (file: string) => JSON.parse(readFileSync(`${CAPTURED}/${file}`, 'utf8'));
const shape = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(shape)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
      : typeof value;

describe.skipIf(!existsSync(CAPTURED))(
  'answers beside the captured ones (skipped without ../shared/data)',
  () => {
    it('klines have the same fields of the same types', async () => {
      world = await startWorld();
      const [real] = captured('binance_spot_klines_captured.json').captures[0].response;
      const [ours] = await get<unknown[]>('/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1');
      expect(shape(ours)).toEqual(shape(real));
    });

    it('exchangeInfo has no field that the exchange does not have, and the filters have all of theirs', async () => {
      world = await startWorld();
      const real = captured('binance_spot_exchangeInfo_captured.json').response;
      const ours = await get<{ symbols: { filters: { filterType: string }[] }[] }>('/api/v3/exchangeInfo');
      const realSymbol = real.symbols[0];
      const ourSymbol = ours.symbols[0]!;
      expect(Object.keys(realSymbol)).toEqual(
        expect.arrayContaining(Object.keys(ourSymbol).filter((key) => key !== 'permissions')),
      );
      for (const filter of ourSymbol.filters) {
        const like = realSymbol.filters.find(
          (it: { filterType: string }) => it.filterType === filter.filterType,
        );
        expect(shape(filter)).toEqual(shape(like));
      }
    });

    it('kline events have the same fields of the same types', async () => {
      world = await startWorld();
      const { klineEvent } = await import('../../src/simulator/dialects/binance/kline-wire.js');
      const { replay } = world.simulator.exchange;
      const instrument = replay.instruments[0]!;
      for (const [file, final] of [
        ['open', false],
        ['closed', true],
      ] as const) {
        const event = JSON.parse(klineEvent(instrument, replay.inProgress(instrument), final, 1));
        const real = captured(`binance_usdm_ws_kline_${file}.json`);
        expect(shape(event)).toEqual(shape(real));
        expect(event.k.x).toBe(final);
      }
    });
  },
);

describe('control', () => {
  it('steps and shows the ledger over HTTP', async () => {
    world = await startWorld();
    const { restUrl } = world.simulator;
    const step = await (await fetch(`${restUrl}/sim/step`, { method: 'POST' })).json();
    expect(step).toMatchObject({ closed: 1, done: false });
    expect(await get('/sim/ledger')).toMatchObject({
      accounts: [
        { apiKey: ACCOUNT.apiKey, balances: { BTC: { free: '2', locked: '0' } }, orders: [], trades: [] },
      ],
    });
  });

  it('has a clock that stands at the close of the last complete bar', async () => {
    world = await startWorld();
    const { serverTime } = await get<{ serverTime: number }>('/api/v3/time');
    expect(serverTime - (START_MS + 100 * HOUR_MS)).toBeLessThan(5000);
    await world.simulator.step();
    const later = await get<{ serverTime: number }>('/api/v3/time');
    expect(later.serverTime - (START_MS + 101 * HOUR_MS)).toBeGreaterThanOrEqual(0);
  });

  it('plays at a speed of its own until the end', async () => {
    world = await startWorld({ candles: walk(140) });
    const positions: number[] = [];
    await world.simulator.play(2000, new AbortController().signal, (position) => positions.push(position));
    expect(positions).toEqual(Array.from({ length: 40 }, (_, i) => 101 + i));
    expect(world.simulator.done).toBe(true);
    expect(await world.simulator.step()).toMatchObject({ closed: 0, done: true });
  });
});

describe('bad input', () => {
  const market = { symbol: 'BTC/USDT', timeframe: '1h' };
  const { openMs, ...columns } = walk(10);
  it.each([
    ['candles in the wrong order', { ...columns, openMs: openMs.slice().reverse() }],
    [
      'a timeframe that is longer than the rows',
      { ...columns, openMs: openMs.map((_, i) => START_MS + i * 1000) },
    ],
    ['a price that is not a number', { ...columns, openMs, close: columns.close.map(() => Number.NaN) }],
  ])('%s', async (_, candles) => {
    world = await startWorld();
    expect(() => new ExchangeSimulator({ markets: [{ ...market, candles }], startIndex: 5 })).toThrow(
      expect.objectContaining({ code: 'E_SIM_MARKET' }),
    );
  });

  it('a start without history, and a taken port', async () => {
    world = await startWorld();
    const markets = [{ ...market, candles: walk(10) }];
    expect(() => new ExchangeSimulator({ markets, startIndex: 0 })).toThrow(
      expect.objectContaining({ code: 'E_SIM_START' }),
    );
    const port = Number(new URL(world.simulator.restUrl).port);
    await expect(new ExchangeSimulator({ markets, startIndex: 5, port }).start()).rejects.toMatchObject({
      code: 'E_PORT_IN_USE',
      exitCode: 2,
    });
  });

  it.each([
    ['/api/v3/klines?symbol=NOPE&interval=1h', -1121],
    ['/api/v3/klines?symbol=BTCUSDT&interval=1m', -1120],
    ['/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=x', -1100],
    ['/api/v3/account', -2014],
    ['/sapi/v1/asset/dribblet', -1000],
  ])('%s is refused with %i', async (path, code) => {
    world = await startWorld();
    expect(await get(path)).toMatchObject({ code });
  });
});
