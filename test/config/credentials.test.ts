import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/adapters/log/log.js';
import {
  exchangeCredentials,
  mqttCredentials,
  readCredential,
  Secret,
} from '../../src/config/credentials.js';
import { redact } from '../../src/core/redact.js';

describe('credentials', () => {
  it('come from the credentials directory first, then from the environment', () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-'));
    writeFileSync(path.join(dir, 'mqtt-password'), 'from-file\n');
    const env = {
      CREDENTIALS_DIRECTORY: dir,
      REDBUTTON_MQTT_PASSWORD: 'from-env',
      REDBUTTON_MQTT_USERNAME: 'box',
    };
    expect(mqttCredentials(env).password?.reveal()).toBe('from-file');
    expect(mqttCredentials(env).username).toBe('box');
    expect(readCredential('absent', env)).toBeUndefined();
  });

  it('a credential that cannot be read is an error, not an absent one', () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-'));
    mkdirSync(path.join(dir, 'mqtt-password'));
    expect(() => readCredential('mqtt-password', { CREDENTIALS_DIRECTORY: dir })).toThrow(
      /mqtt-password cannot be read/,
    );
  });

  it('half an API key is an error that does not print the other half', () => {
    const env = { REDBUTTON_BINANCE_API_KEY: 'hush-hush' };
    expect(() => exchangeCredentials('binance', env)).toThrow(/binance-api-secret is missing/);
    expect(() => exchangeCredentials('binance', env)).not.toThrow(/hush/);
  });

  it('a secret never shows when printed', () => {
    const secret = new Secret('hush');
    expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain('hush');
  });
});

describe('the log', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => void lines.push(line) });

  it('cuts secrets by key, at any of four levels', () => {
    lines.length = 0;
    log.info(
      {
        password: 'hush',
        a: { apiKey: 'hush', b: { secret: 'hush', c: { token: 'hush', 'X-MBX-APIKEY': 'hush' } } },
      },
      'x',
    );
    expect(lines.join('')).not.toContain('hush');
    expect(lines.join('')).toContain('[secret]');
  });

  it('cuts secrets out of messages, errors and addresses', () => {
    lines.length = 0;
    log.error(
      { err: new Error('GET /api/v3/order?symbol=X&signature=hush failed') },
      'mqtt://box:hush@broker said apiKey=hush',
    );
    expect(lines.join('')).not.toContain('hush');
    expect(redact('symbol=BTCUSDT&timestamp=1')).toBe('symbol=BTCUSDT&timestamp=1');
  });

  it('cuts them out of fields as well, which hold what others have said', () => {
    lines.length = 0;
    log.warn({ detail: 'GET https://x.test/a?b=1&signature=hush', result: [{ why: 'apiKey: "hush"' }] }, 'x');
    expect(lines.join('')).not.toContain('hush');
    expect(lines.join('')).toContain('https://x.test/a');
  });
});
