import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { givenOrderId, isOrderOf } from '../../src/core/order-owner.js';
import { createOrderIds } from '../../src/execution/order-id.js';

const BASE36 = 'abcdefghijklmnopqrstuvwxyz0123456789';
const nameSchema = configSchema.shape.device.unwrap().shape.name;
/** Names that the configuration takes, many of them beginnings of each other. */
const piece = fc.string({
  unit: fc.constantFrom('h', '2', '-', 'a', 'rb', 't-'),
  minLength: 1,
  maxLength: 8,
});
const name = fc
  .oneof(piece, fc.string({ unit: fc.constantFrom(...BASE36, '-'), minLength: 1, maxLength: 16 }))
  .filter((text) => nameSchema.safeParse(text).success);

/** An id as a box of this name gives it, at any time since 1970: the width of the time differs. */
const idOf = (device: string, wallMs: number, random: number) =>
  createOrderIds(
    device,
    { wallMs: () => wallMs, monotonicMs: () => 0, sleep: async () => {} },
    { next: () => random },
  ).next();
const times = fc.oneof(fc.integer({ min: 0, max: 36 ** 7 }), fc.integer({ min: 1.7e12, max: 36 ** 8 - 1 }));
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const asReceived = fc.constantFrom<(id: string) => string>(
  (id) => id,
  (id) => `t-${id}`,
  (id) => id.toUpperCase(),
);

describe('whose an order is', () => {
  it('is read of the whole id: no id of one box is another’s, whatever both are called', () => {
    fc.assert(
      fc.property(name, name, times, randoms, asReceived, (one, other, wallMs, random, received) => {
        const id = received(idOf(one, wallMs, random));
        expect(isOrderOf(one, id)).toBe(true);
        expect(isOrderOf(other, id)).toBe(one === other);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['h2', 'rb-h2-m1abcdef0xyz123', true],
    ['h2', 'rb-h2-2-m1abcdef0xyz123', false],
    ['h2-2', 'rb-h2-2-m1abcdef0xyz123', true],
    ['2', 'rb-h2-2-m1abcdef0xyz123', false],
    ['box', 't-rb-box-1abc', true],
    ['box', 'x-rb-box-1abc', false],
    ['box', 'rb-box-', false],
    ['box', 'rb-box', false],
    ['box', 'rb-box-1.5', false],
    ['box', '', false],
    ['box', undefined, false],
  ])('box %s and id %s: %s', (device, id, ours) => {
    expect(isOrderOf(device, id)).toBe(ours);
  });

  it('takes off what Gate puts in front, and nothing of anybody’s own id', () => {
    expect(givenOrderId('t-rb-box-1abc')).toBe('rb-box-1abc');
    expect(givenOrderId('t-mine')).toBe('t-mine');
    expect(givenOrderId('rb-t-rb-1abc')).toBe('rb-t-rb-1abc');
  });
});
