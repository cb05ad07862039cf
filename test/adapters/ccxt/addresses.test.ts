// @module-tag sockets

import { readFileSync } from 'node:fs';
import ccxt from 'ccxt';
import { afterEach, describe, expect, it } from 'vitest';
import { exchangeHosts, hostsFile } from '../../../scripts/exchange-hosts.mjs';
import { checkedAddresses, createExchange } from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { type DialectServer, startDialect } from './dialect-server.js';

const LOCAL = 'ws://127.0.0.1:1';
const clock = createSystemClock();
const refusal = (settings: Parameters<typeof checkedAddresses>[0]) => {
  try {
    checkedAddresses(settings);
    return null;
  } catch (error) {
    return error as { code: string; message: string; remedy: string };
  }
};
const asRest = (restUrl: string) => refusal({ id: 'binance', sandbox: true, restUrl, wsUrl: LOCAL });

let server: DialectServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe('a live host under sandbox', () => {
  it('is known of every exchange of the ccxt that is installed (else: node scripts/exchange-hosts.mjs)', () => {
    const file = new URL('../../../src/adapters/ccxt/exchange-hosts.ts', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(hostsFile(exchangeHosts()));
  });

  it('is refused for every address that any exchange of ccxt has', () => {
    const passed: string[] = [];
    let tried = 0;
    for (const kind of [ccxt, ccxt.pro] as unknown as Record<string, new () => Api>[]) {
      for (const id of (ccxt as unknown as { exchanges: string[] }).exchanges) {
        const Exchange = kind[id];
        if (Exchange === undefined) continue;
        const api = new Exchange();
        for (const url of urlsIn(api.urls.api)) {
          const filled = url.replaceAll('{hostname}', api.hostname ?? '');
          if (!URL.canParse(filled)) continue;
          tried++;
          const field = filled.startsWith('ws') ? 'wsUrl' : 'restUrl';
          const settings = { id: 'binance', sandbox: true, restUrl: 'http://127.0.0.1:1', wsUrl: LOCAL };
          if (refusal({ ...settings, [field]: filled })?.code !== 'E_EXCHANGE_ADDRESS') passed.push(filled);
        }
      }
    }
    expect(tried).toBeGreaterThan(400);
    expect(passed).toEqual([]);
  });

  it.each([
    ['a region', 'https://eea.okx.com'],
    ['a region by AWS', 'https://aws.okx.com'],
    ['a sibling that ccxt does not list', 'https://api-gcp.binance.com'],
    ['another sibling', 'https://api4.binance.com/api'],
    ['the domain itself', 'https://kraken.com'],
    ['a dot at its end', 'https://api.binance.com.'],
    ['upper case', 'https://API.Binance.COM'],
    ['a port', 'https://api.binance.com:8443/api'],
    ['a user before it', 'https://testnet.binance.vision@api.binance.com'],
    ['a user before a harmless one', 'https://user:secret@example.com'],
    ['an escaped letter', 'https://api.b%69nance.com'],
    ['a full stop of another script', 'https://api。binance。com'],
    ['a number on the internet', 'https://52.84.150.1'],
    ['a number in another spelling', 'https://0x34549601'],
    ['a number in the sixth version', 'https://[2600:9000::1]'],
    ['a number of the fourth in the sixth', 'https://[::ffff:52.84.150.1]'],
    ['another domain of the same exchange', 'https://api.bytick.com'],
    ['one whose demo is the same host by a header', 'https://api.bitget.com'],
  ])('is refused by %s: %s', (_, url) => {
    expect(asRest(url)).toMatchObject({ code: 'E_EXCHANGE_ADDRESS', exitCode: 2 });
    const stream = url.replace('https', 'wss');
    expect(refusal({ id: 'okx', sandbox: true, restUrl: 'http://127.0.0.1:1', wsUrl: stream })).toMatchObject(
      { code: 'E_EXCHANGE_ADDRESS' },
    );
  });

  it.each([
    'https://testnet.binance.vision',
    'https://testnet.binancefuture.com',
    'https://demo-api.binance.com',
    'https://demo-futures.kraken.com',
    'https://api-testnet.bybit.com',
    'https://api-testnet.gateapi.io',
    'https://test.deribit.com',
    'http://simulator.lan:8080',
    'http://192.168.1.20:8080',
    'http://[fd00::5]:8080',
    'http://127.0.0.1:8080',
    'https://notbinance.com',
  ])('is not %s', (url) => {
    expect(asRest(url)).toBeNull();
  });

  it('is said with what is not watched there, and nobody is told to take sandbox for a region', () => {
    expect(asRest('https://eea.okx.com')!.message).toContain(
      'positions and orders that are there are as they were',
    );
    const live = refusal({ id: 'okx', sandbox: false, restUrl: 'https://eea.okx.com', wsUrl: LOCAL })!;
    expect(live).toMatchObject({ code: 'E_EXCHANGE_ADDRESS' });
    expect(`${live.message} ${live.remedy}`).not.toContain('sandbox = true');
    expect(live.remedy).toContain('myokx');
  });
});

describe('sandbox', () => {
  it.each([
    ['okx', 'x-simulated-trading', '1'],
    ['myokx', 'x-simulated-trading', '1'],
    ['bitget', 'paptrading', '1'],
  ])('reaches an address of the configuration as a demo order of %s', async (id, header, value) => {
    server = await startDialect(() => ({ code: '0', data: [] }));
    const { api } = await createExchange(server.settings(id, ['BTC/USDT'], true), clock, {
      apiKey: 'key',
      secret: 'secret',
    });
    Object.assign(api, { password: 'phrase' });
    await api.fetchBalance().catch(() => undefined);
    const asked = server.seen.filter(({ headers }) => headers[header] === value);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked).toEqual(server.seen);
  });

  it.each([
    ['that ccxt has none for', 'kraken', 'knows no test network'],
    ['whose test network in ccxt is the live exchange', 'weex', 'is the live exchange'],
  ])('is refused at an exchange %s', async (_, id, said) => {
    const settings = { id, symbols: ['BTC/USDT'], sandbox: true };
    await expect(createExchange(settings, clock)).rejects.toMatchObject({
      code: 'E_SANDBOX',
      exitCode: 2,
      message: expect.stringContaining(said),
    });
  });

  it('is refused at no exchange whose test network is one', async () => {
    for (const id of [
      'binance',
      'bybit',
      'okx',
      'myokx',
      'bitget',
      'gate',
      'gemini',
      'hyperliquid',
      'krakenfutures',
    ]) {
      await expect(
        createExchange({ id, symbols: ['BTC/USDT'], sandbox: true }, clock),
        id,
      ).resolves.toBeDefined();
    }
  });
});

interface Api {
  readonly urls: { readonly api: unknown };
  readonly hostname?: string;
}

function urlsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(urlsIn) : [];
}
