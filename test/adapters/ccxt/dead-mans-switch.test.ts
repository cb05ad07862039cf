// @module-tag sockets

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DIALECTS } from '../../../src/adapters/ccxt/dialects/table.js';
import {
  type ConnectedExchange,
  createDeadMansSwitch,
  createExchange,
} from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createDeadMansWatch } from '../../../src/trader/dead-mans-watch.js';

/** The terms of each exchange that has a switch, by its id. */
const SWITCHES = DIALECTS.flatMap(({ ccxtIds, deadMansSwitch }) =>
  deadMansSwitch === null ? [] : [[ccxtIds[0]!, deadMansSwitch] as const],
).sort(([a], [b]) => a.localeCompare(b));

/** What Kraken answers, as its documentation has it, of as much as ccxt asks for. */
const ASSETS = {
  XXBT: { aclass: 'currency', altname: 'XBT', decimals: 10, display_decimals: 5, status: 'enabled' },
  ZUSD: { aclass: 'currency', altname: 'USD', decimals: 4, display_decimals: 2, status: 'enabled' },
};
const PAIRS = {
  XXBTZUSD: {
    altname: 'XBTUSD',
    wsname: 'XBT/USD',
    aclass_base: 'currency',
    base: 'XXBT',
    aclass_quote: 'currency',
    quote: 'ZUSD',
    cost_decimals: 5,
    pair_decimals: 1,
    lot_decimals: 8,
    lot_multiplier: 1,
    leverage_buy: [],
    leverage_sell: [],
    fees: [[0, 0.4]],
    fees_maker: [[0, 0.25]],
    fee_volume_currency: 'ZUSD',
    margin_call: 80,
    margin_stop: 40,
    ordermin: '0.00005',
    costmin: '0.5',
    tick_size: '0.1',
    status: 'online',
  },
};

let server: Server;
let exchange: ConnectedExchange;
/** Time-outs that were asked for, in seconds, and what is answered. */
let asked: number[];
let down = false;
beforeEach(async () => {
  asked = [];
  down = false;
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const answer = (result: unknown) => response.end(JSON.stringify({ error: [], result }));
    const path = new URL(request.url!, 'http://x').pathname;
    if (path === '/0/public/Assets') answer(ASSETS);
    else if (path === '/0/public/AssetPairs') answer(PAIRS);
    else if (
      path === '/0/private/CancelAllOrdersAfter' &&
      request.headers['api-key'] === 'key' &&
      request.headers['api-sign']
    ) {
      if (down) {
        response.writeHead(503).end('{"error":["EService:Unavailable"]}');
        return;
      }
      asked.push(Number(new URLSearchParams(body).get('timeout')));
      answer({ currentTime: '2026-01-01T00:00:00Z', triggerTime: '0' });
    } else response.writeHead(404).end('{"error":["EGeneral:Unknown method"]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  exchange = await createExchange(
    { id: 'kraken', symbols: ['BTC/USD'], restUrl: `http://${base}`, wsUrl: `ws://${base}`, sandbox: false },
    createSystemClock(),
    { apiKey: 'key', secret: Buffer.from('secret').toString('base64') },
  );
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

describe('the dead man’s switch of an exchange, through ccxt', () => {
  it('is wound up in whole seconds within its terms, and taken off', async () => {
    const device = createDeadMansSwitch(exchange, ['BTC/USD'])!;
    await device.wind(60);
    await device.wind(1);
    await device.off();
    expect(asked).toEqual([60, new Map(SWITCHES).get('kraken')!.secondsMin, 0]);
  });

  it('is not there where ccxt has none, and in the table only where ccxt has one', async () => {
    const clock = createSystemClock();
    const binance = await createExchange({ id: 'binance', symbols: ['BTC/USDT'], sandbox: false }, clock);
    expect(createDeadMansSwitch(binance, ['BTC/USDT'])).toBe(null);
    for (const [id, terms] of SWITCHES) {
      const connected = await createExchange({ id, symbols: ['BTC/USDT'], sandbox: false }, clock);
      expect(connected.api.has.cancelAllOrdersAfter, id).toBe(true);
      expect(createDeadMansSwitch(connected, ['BTC/USDT'])?.terms).toBe(terms);
      // The default of execution.deadMansSwitchSeconds fits everywhere.
      expect(terms.secondsMin <= 60 && terms.secondsMax >= 60, id).toBe(true);
    }
  });

  it('does what the page for the owner says', () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const rows = SWITCHES.map(
      ([id, { cancels, cancelsStops }]) => `| ${id} | ${cancels} | ${cancelsStops ? 'off' : 'on'} |`,
    );
    expect(page).toContain(rows.join('\n'));
  });

  it('is wound up again and again while the trader lives; once it may have run down that is told, and its return', async () => {
    let nowMs = 0;
    const clock = {
      wallMs: () => nowMs,
      monotonicMs: () => nowMs,
      async sleep(ms: number, signal?: AbortSignal) {
        nowMs += ms;
        await new Promise((resolve) => setTimeout(resolve, 5));
        signal?.throwIfAborted();
      },
    };
    const told: string[] = [];
    const watch = createDeadMansWatch({
      exchange: 'kraken',
      device: createDeadMansSwitch(exchange, ['BTC/USD'])!,
      seconds: 60,
      clock,
      alerts: { raise: async (code: string) => void told.push(code) } as never,
      log: { warn: () => undefined, error: () => undefined },
    });
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    watch.start();
    await until(() => asked.length >= 4);
    // Four winds are three waits of 15 s: never is it left for longer than a quarter of its time.
    expect(nowMs).toBeLessThanOrEqual(60_000);
    expect(told).toEqual([]);
    down = true;
    await until(() => told.length > 0);
    down = false;
    await until(() => told.length > 1);
    await watch.stop();
    expect(told).toEqual(['LAYER_FAULT', 'LAYER_BACK']);
    expect(asked.at(-1)).toBe(0);
  });
});
