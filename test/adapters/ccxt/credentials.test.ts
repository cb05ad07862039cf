import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIALECTS, dialectOf } from '../../../src/adapters/ccxt/dialects/table.js';
import { createExchange } from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { exchangeCredentials, revealed } from '../../../src/config/credentials.js';

const clock = createSystemClock();

function folderOf(secrets: Record<string, string>): { CREDENTIALS_DIRECTORY: string } {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-'));
  for (const [name, secret] of Object.entries(secrets)) writeFileSync(path.join(dir, name), `${secret}\n`);
  return { CREDENTIALS_DIRECTORY: dir };
}

/** What ccxt would sign with, given these files. */
async function signerOf(id: string, secrets: Record<string, string>, prefix = '') {
  const found = exchangeCredentials(`${prefix}${id}`, folderOf(secrets), dialectOf(id).credentials);
  const { api } = await createExchange(
    { id, symbols: ['BTC/USDT'], sandbox: false },
    clock,
    revealed(found!),
  );
  return api as unknown as Record<string, unknown> & { checkRequiredCredentials(): void };
}

describe('what signs at an exchange', () => {
  it.each(['okx', 'myokx', 'okxus', 'kucoin', 'bitget'])(
    'is a key, a secret and a passphrase at %s',
    async (id) => {
      const api = await signerOf(id, {
        [`${id}-api-key`]: 'k',
        [`${id}-api-secret`]: 's',
        [`${id}-api-passphrase`]: 'p',
      });
      api.checkRequiredCredentials();
      expect([api.apiKey, api.secret, api.password]).toEqual(['k', 's', 'p']);
    },
  );

  it('is a wallet and the key of its agent at Hyperliquid, the guard’s too', async () => {
    const api = await signerOf(
      'hyperliquid',
      { 'guard-hyperliquid-wallet-address': '0xabc', 'guard-hyperliquid-agent-key': '0xdef' },
      'guard-',
    );
    api.checkRequiredCredentials();
    expect([api.walletAddress, api.privateKey]).toEqual(['0xabc', '0xdef']);
  });

  it('is a key in PEM, also as one line with its line ends written out', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    const api = await signerOf('coinbase', {
      'coinbase-api-key': 'organizations/1/apiKeys/2',
      'coinbase-api-secret': pem.replaceAll('\n', '\\n'),
    });
    expect(api.secret).toBe(pem.trim());
    const sign = api.sign as (...call: unknown[]) => { headers: { Authorization: string } };
    expect(sign.call(api, 'brokerage/accounts', ['v3', 'private'], 'GET', {}).headers.Authorization).toMatch(
      /^Bearer ey/,
    );
  });

  it('is an error where a part of it is missing, which names the part alone', () => {
    const env = folderOf({ 'okx-api-key': 'hush', 'okx-api-secret': 'hush' });
    const read = () => exchangeCredentials('okx', env, dialectOf('okx').credentials);
    expect(read).toThrow(/okx-api-passphrase is missing/);
    expect(read).not.toThrow(/hush/);
  });

  it('is known of each dialect as ccxt asks for it', async () => {
    for (const { ccxtIds, credentials } of DIALECTS) {
      const { api } = await createExchange({ id: ccxtIds[0]!, symbols: ['BTC/USDT'], sandbox: false }, clock);
      const { requiredCredentials } = api as unknown as { requiredCredentials: Record<string, boolean> };
      const wanted = Object.keys(requiredCredentials).filter((name) => requiredCredentials[name]);
      expect(
        wanted.filter((name) => !credentials.some(({ setting }) => setting === name)),
        ccxtIds[0],
      ).toEqual([]);
    }
  });
});

describe('the host of a region', () => {
  const settings = { id: 'okx', symbols: ['BTC/USDT'], sandbox: false };

  it('is taken where the exchange has it', async () => {
    const { api } = await createExchange({ ...settings, hostname: 'eea.okx.com' }, clock);
    expect(api.hostname).toBe('eea.okx.com');
  });

  it.each([
    ['a stranger’s', { hostname: 'okx.example.com' }],
    ['one of another exchange', { hostname: 'bytick.com' }],
    [
      'one beside an address',
      { hostname: 'eea.okx.com', restUrl: 'http://127.0.0.1:1', wsUrl: 'ws://127.0.0.1:1' },
    ],
  ])('is refused: %s', async (_, given) => {
    await expect(createExchange({ ...settings, ...given }, clock)).rejects.toMatchObject({
      code: 'E_EXCHANGE_ADDRESS',
    });
  });
});
