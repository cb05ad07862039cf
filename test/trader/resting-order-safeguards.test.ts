import { describe, expect, it } from 'vitest';
import { createExchange } from '../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { configSchema } from '../../src/config/schema.js';
import { createRestingOrderSafeguards } from '../../src/trader/resting-order-safeguards.js';

const clock = createSystemClock();

/** How often the switch of an exchange was wound up, with stops of so many per cent, in this mode. */
async function woundAt(id: string, protectiveStopPct: number, mode: 'paper' | 'live' = 'live') {
  const config = {
    ...configSchema.parse({
      exchange: [{ id, symbols: ['BTC/USD'] }],
      risk: { protectiveStopPct },
    }),
    mode,
  };
  const connection = await createExchange({ id, symbols: ['BTC/USD'], sandbox: false }, clock);
  let wound = 0;
  connection.api.cancelAllOrdersAfter = async (timeoutMs: number) => {
    if (timeoutMs > 0) wound++;
    return {};
  };
  const told: string[] = [];
  const said: string[] = [];
  const lifecycle = createRestingOrderSafeguards({
    config,
    exchanges: [{ id, config: config.exchange[0]!, connection } as never],
    brokers: [{ kind: mode, takesStops: () => false } as never],
    clock,
    alerts: { raise: async (code: string) => void told.push(code) } as never,
    log: { warn: (_: object, text: string) => void said.push(text) } as never,
  });
  await lifecycle.start();
  await lifecycle.stop();
  return { wound, told, said };
}

describe('what rests at an exchange', () => {
  it('is given to its dead man’s switch on live, and not on paper', async () => {
    expect((await woundAt('kraken', 0)).wound).toBe(1);
    expect((await woundAt('kraken', 0, 'paper')).wound).toBe(0);
    expect((await woundAt('binance', 0)).wound).toBe(0);
  });

  it('is not, where the switch would cancel the stops that a dead box needs, and that is said', async () => {
    const kraken = await woundAt('kraken', 5);
    expect(kraken.wound).toBe(0);
    expect(kraken.said[0]).toMatch(/switch is off: it would cancel the protective stops/);
    expect((await woundAt('okx', 5)).wound).toBe(1);
  });

  it('tells where no stop can rest', async () => {
    expect((await woundAt('kraken', 5)).told).toEqual(['STOPS_NOT_OFFERED']);
    expect((await woundAt('kraken', 0)).told).toEqual([]);
  });
});
