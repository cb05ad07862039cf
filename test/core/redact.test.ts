import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from '../../src/core/redact.js';

/** As keys and signatures look: long, of letters, digits and what Base64 adds. */
const secret = fc
  .string({
    unit: fc.constantFrom(...'abcdefghkmnopqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ0123456789+/_=-'),
    minLength: 16,
    maxLength: 88,
  })
  .filter((text) => /\d/.test(text) && /^[A-Za-z0-9]/.test(text));
const BARE_NAMES = [
  'apiKey',
  'api_secret',
  'secret',
  'X-MBX-APIKEY',
  'OK-ACCESS-SIGN',
  'KC-API-PASSPHRASE',
  'CB-ACCESS-KEY',
];
const shapes = fc.constantFrom<(value: string) => string>(
  (value) =>
    `binance GET https://api.binance.com/api/v3/openOrders?timestamp=1&symbol=BTCUSDT&recvWindow=2000&signature=${value} request timed out (4000 ms)`,
  (value) => `GET /api/v3/order?signature=${encodeURIComponent(value)} failed`,
  (value) =>
    `POST https://x.test/private/${value}?a=1 404 Not Found`.replace(
      value,
      value.replaceAll(/[+/=]/g, 'x').padEnd(40, '0'),
    ),
  (value) => `mqtt://box:${encodeURIComponent(value)}@broker.test:1883 refused`,
  (value) => `Authorization: Bearer ${value}`,
  (value) => `{"headers":{"authorization":"Basic ${value}"},"code":-1022}`,
  (value) => `{"signature":"${value}","code":-1022}`,
  (value) => `kraken {"body":"{\\"token\\":\\"${value}\\",\\"nonce\\":1}"}`,
  (value) => `listenKey=${value}: stream closed`,
  (value) => `eyJhbGciOiJFUzI1NiJ9.${value.replaceAll(/[^\w-]/g, 'x')}.c2ln was refused`,
  (value) => `-----BEGIN EC PRIVATE KEY-----\n${value}\n-----END EC PRIVATE KEY-----`,
  (value) => `wss://stream.test/ws#token=${value}`,
  ...BARE_NAMES.flatMap((name) => [
    (value: string) => `${name}: ${value}`,
    (value: string) => `{'${name}': '${value}'}`,
    (value: string) => `${name}=${value}&symbol=BTCUSDT`,
  ]),
);
/** Fakes are recognised by their middle, which survives encoding and padding. */
const traceOf = (value: string) => /[A-Za-z0-9]{6,}/.exec(value)?.[0] ?? null;

describe('what goes to people, logs and the store', () => {
  it('holds no secret, in whatever shape it came, and twice redacted is as once', () => {
    fc.assert(
      fc.property(shapes, secret, (shape, value) => {
        const trace = traceOf(value);
        fc.pre(trace !== null && shape('').includes(trace) === false);
        const clean = redact(shape(value));
        expect(clean).not.toContain(trace);
        expect(clean).toContain('[secret]');
        expect(redact(clean)).toBe(clean);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    'binance {"code":-2010,"msg":"Account has insufficient balance for requested action."}',
    'binance requires "secret" credential',
    'rb-box-m1abcdef0xyz123: the exchange answered without order id or status',
    'the answer of /api/v3/openOrders is no JSON',
    'Unexpected token } in JSON at position 1',
    'GET https://api.exchange.coinbase.com/orders/0f8fad5b-d9cb-469f-a165-70867728950e 404 Not Found',
    'model 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is not there',
  ])('leaves what is none: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it.each([
    'a',
    'a.',
    'eyJ-',
    'x=',
    '&a=b',
    'https://',
    '"',
    '\\',
    'key',
    '-----BEGIN PRIVATE KEY-----',
    '?a',
    "'",
  ])('is not held up by a long answer made of %s', (part) => {
    const text = part.repeat(Math.ceil(100_000 / part.length));
    const fromMs = performance.now();
    redact(text);
    // About 5 ms here; what grows with the square of the length takes minutes.
    expect(performance.now() - fromMs).toBeLessThan(2_000);
  });

  it('still says what failed and where', () => {
    expect(
      redact('binance GET http://127.0.0.1:80/api/v3/time?signature=abc request timed out (4000 ms)'),
    ).toBe('binance GET http://127.0.0.1:80/api/v3/time?[secret] request timed out (4000 ms)');
  });
});
