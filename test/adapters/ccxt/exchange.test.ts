// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../../src/adapters/ccxt/index.js';
import { startWorld, type World } from '../../simulator/world.js';

let world: World;
afterEach(() => world.simulator.stop());

describe('addresses', () => {
  it.each([
    ['another machine', { restUrl: 'http://192.0.2.1', wsUrl: 'ws://127.0.0.1:1' }],
    ['a name that only looks local', { restUrl: 'http://127.0.0.1.example.com', wsUrl: 'ws://127.0.0.1:1' }],
    ['one of the two', { restUrl: 'http://127.0.0.1:1' }],
  ])('refuses %s', async (_, urls) => {
    world = await startWorld();
    const { restUrl: _rest, wsUrl: _ws, ...bare } = world.config;
    await expect(createExchange({ ...bare, ...urls }, world.clock)).rejects.toMatchObject({
      code: 'E_EXCHANGE_ADDRESS',
      exitCode: 2,
    });
  });

  it('refuses an exchange that ccxt does not know, and no path gets out of its folder', async () => {
    world = await startWorld();
    for (const id of ['nosuchexchange', '../base/Exchange']) {
      await expect(createExchange({ ...world.config, id }, world.clock)).rejects.toMatchObject({
        code: 'E_EXCHANGE_UNKNOWN',
      });
    }
  });

  it('leaves no address of ccxt that leads away from the configured one', async () => {
    world = await startWorld();
    const { api } = await world.connect();
    const strings: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value === 'string') strings.push(value);
      else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
    };
    walk(api.urls.api);
    expect(strings.length).toBeGreaterThan(20);
    expect(strings.filter((url) => !url.includes('//127.0.0.1:'))).toEqual([]);
    await expect(api.fetch('https://api.binance.com/api/v3/time')).rejects.toMatchObject({
      code: 'E_EXCHANGE_ASTRAY',
    });
  });
});

describe('other exchanges', () => {
  it.each(['kraken', 'coinbase', 'okx', 'bybit', 'binanceusdm', 'bitstamp'])(
    '%s is built with every address moved',
    async (id) => {
      world = await startWorld();
      const { api } = await createExchange({ ...world.config, id }, world.clock);
      const addresses = JSON.stringify(api.urls.api).match(/(?:https?|wss?):[^"]+/g)!;
      expect(addresses.length).toBeGreaterThan(0);
      expect(addresses.filter((url) => !url.includes('//127.0.0.1:'))).toEqual([]);
      expect(api.milliseconds()).toBeLessThan(Date.UTC(2024, 1, 1));
    },
  );
});

describe('signatures and time', () => {
  it('a wrong secret is an authentication error', async () => {
    world = await startWorld();
    const { api, errors } = await world.connect({ apiKey: 'test-key', secret: 'wrong' });
    await expect(api.fetchBalance()).rejects.toBeInstanceOf(errors.AuthenticationError);
    await expect(api.fetchBalance()).rejects.toThrow(/-1022/);
  });

  it('an unknown key is an authentication error', async () => {
    world = await startWorld();
    const { api, errors } = await world.connect({ apiKey: 'who', secret: 'test-secret' });
    await expect(api.fetchBalance()).rejects.toBeInstanceOf(errors.AuthenticationError);
  });

  it.each([
    ['behind', -5000],
    ['ahead', 5000],
  ])('a clock that is %s is refused with -1021', async (_, offsetMs) => {
    world = await startWorld();
    const skewed = { ...world.clock, wallMs: () => world.clock.wallMs() + offsetMs };
    const { api, errors } = await createExchange(world.config, skewed, {
      apiKey: 'test-key',
      secret: 'test-secret',
    });
    const error = await api.fetchBalance().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(errors.InvalidNonce);
    expect(String(error)).toContain('-1021');
  });

  it('signs with the simulated time, and a step in between ages no request', async () => {
    world = await startWorld();
    const { api } = await world.connect();
    await api.fetchBalance();
    for (let i = 0; i < 20; i++) {
      const asked = api.fetchBalance();
      await world.simulator.step();
      await asked;
    }
  });
});
