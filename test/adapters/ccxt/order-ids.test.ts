import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOrderIdCodec } from '../../../src/adapters/ccxt/dialects/order-ids.js';
import { dialectOf } from '../../../src/adapters/ccxt/dialects/table.js';
import { isOrderOf } from '../../../src/core/order-owner.js';
import { createOrderIds } from '../../../src/execution/order-id.js';

const BASE36 = 'abcdefghijklmnopqrstuvwxyz0123456789';
const device = fc
  .string({ unit: fc.constantFrom(...BASE36, '-'), minLength: 1, maxLength: 16 })
  .filter((name) => /^[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?$/.test(name));
const given = (name: string, wallMs: number, random: number) =>
  createOrderIds(
    name,
    { wallMs: () => wallMs, monotonicMs: () => 0, sleep: async () => {} },
    { next: () => random },
  ).next();

/** By ccxt's id, what each exchange's documentation says of the id that it is sent. */
const RULES = {
  binance: /^[.A-Z:/a-z0-9_-]{1,36}$/,
  kraken: /^[0-9a-f]{32}$/,
  okx: /^[A-Za-z0-9]{1,32}$/,
  myokx: /^[A-Za-z0-9]{1,32}$/,
  // ccxt puts `t-` in front.
  gate: /^[0-9A-Za-z_.-]{1,28}$/,
  hyperliquid: /^0x[0-9a-f]{32}$/,
  bybit: /^[0-9A-Za-z_-]{1,36}$/,
  kucoin: /^[0-9A-Za-z_-]{1,40}$/,
} as const;

describe.each(Object.entries(RULES))('a client order id at %s', (id, rule) => {
  const codecOf = (name: string) => createOrderIdCodec(dialectOf(id).ids, name);

  it('keeps to the exchange’s rule, and comes back as it was given', () => {
    fc.assert(
      fc.property(
        device,
        fc.oneof(fc.integer({ min: 0, max: 2 ** 32 }), fc.integer({ min: 1.7e12, max: 36 ** 8 - 1 })),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom<(wire: string) => string>(
          (wire) => wire,
          (wire) => wire.toUpperCase().replace('0X', '0x'),
        ),
        (name, wallMs, random, received) => {
          const own = given(name, wallMs, random);
          const wire = codecOf(name).toWire(own);
          expect(wire).toMatch(rule);
          const back = codecOf(name).fromWire(received(wire));
          expect(back.toLowerCase()).toBe(own);
          expect(isOrderOf(name, back)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is nobody else’s', () => {
    const wire = codecOf('box').toWire(given('box', 1.79e12, 0.5));
    for (const other of ['box2', 'bo', 'x', 'box-2']) {
      expect(isOrderOf(other, codecOf(other).fromWire(wire))).toBe(false);
    }
  });

  it('stays known in the form that earlier versions sent', () => {
    expect(codecOf('box').fromWire('rb-box-m1abcdef0xyz123')).toBe('rb-box-m1abcdef0xyz123');
    expect(codecOf('box').fromWire('t-rb-box-m1abcdef0xyz123')).toBe('rb-box-m1abcdef0xyz123');
  });

  it('of a stranger is left as it is', () => {
    for (const strange of ['', 'web', '12345', 'da8e4ad59b78481c93e589746b0cf91f', 'rb', 'rbxxxxx'])
      expect(codecOf('box').fromWire(strange)).toBe(strange);
  });
});

it('comes back from Gate without what ccxt puts in front', () => {
  const codec = createOrderIdCodec(dialectOf('gate').ids, 'box');
  const own = given('box', 1.79e12, 0.5);
  expect(codec.fromWire(`t-${codec.toWire(own)}`)).toBe(own);
});

it('comes back from Kraken as a UUID, too', () => {
  const codec = createOrderIdCodec(dialectOf('kraken').ids, 'box');
  const own = given('box', 1.79e12, 0.5);
  const uuid = codec.toWire(own).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  expect(codec.fromWire(uuid)).toBe(own);
});

it('of another box that an exchange’s list holds goes back as it came', () => {
  const codec = createOrderIdCodec(dialectOf('kraken').ids, 'box');
  expect(codec.toWire('da8e4ad59b78481c93e589746b0cf91f')).toBe('da8e4ad59b78481c93e589746b0cf91f');
});
