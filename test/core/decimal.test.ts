import Big from 'big.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';

/** The peer: the same rules of division, in another's code. */
beforeAll(() => {
  Big.DP = 24;
  Big.RM = Big.roundHalfEven;
});

const ROUNDINGS = { down: Big.roundDown, half_even: Big.roundHalfEven, up: Big.roundUp } as const;

/** Decimal text as exchanges write it, and stranger: zeros in front and behind, exponents, long tails, halves. */
const figure = fc
  .record({
    sign: fc.constantFrom('', '-'),
    // Around 2^53 one carrier of the units ends and the other begins.
    whole: fc.oneof(
      fc.constantFrom('0', '000', '1', '9999999999999999999'),
      fc.nat().map(String),
      fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }).map(String),
      fc.bigInt({ min: 0n, max: 2n ** 54n }).map(String),
    ),
    fraction: fc.oneof(
      fc.constantFrom('', '.5', '.25', '.50', '.000000000000000001', '.999999999999999999999999999'),
      fc.bigInt({ min: 0n, max: 10n ** 22n }).map((digits) => `.${digits}`),
    ),
    exponent: fc.oneof(
      fc.constant(''),
      fc.integer({ min: -20, max: 20 }).map((e) => `e${e}`),
    ),
  })
  .map(({ sign, whole, fraction, exponent }) => sign + whole + fraction + exponent);

const runs = { numRuns: 3000 };

/** A zero has no sign here. */
const unsigned = (text: string) => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text);

describe('decimals agree with big.js', () => {
  it('in text and as numbers', () => {
    fc.assert(
      fc.property(figure, fc.nat(30), (a, places) => {
        const [ours, peer] = [decimal(a), new Big(a)];
        expect(ours.toFixed()).toBe(peer.toFixed());
        expect(unsigned(ours.toFixed(places))).toBe(unsigned(peer.toFixed(places)));
        expect(ours.toNumber()).toBe(peer.toNumber() + 0);
        expect(ours.abs().toFixed()).toBe(peer.abs().toFixed());
        expect(unsigned(ours.neg().toFixed())).toBe(unsigned(peer.times(-1).toFixed()));
      }),
      runs,
    );
  });

  it('in sums, products, quotients, remainders and order', () => {
    fc.assert(
      fc.property(figure, figure, (a, b) => {
        const [ours, peer] = [decimal(a), new Big(a)];
        expect(ours.plus(b).toFixed()).toBe(peer.plus(b).toFixed());
        expect(ours.minus(b).toFixed()).toBe(peer.minus(b).toFixed());
        expect(ours.times(b).toFixed()).toBe(peer.times(b).toFixed());
        expect([ours.cmp(b), ours.eq(b), ours.gt(b), ours.gte(b), ours.lt(b), ours.lte(b)]).toEqual([
          peer.cmp(b),
          peer.eq(b),
          peer.gt(b),
          peer.gte(b),
          peer.lt(b),
          peer.lte(b),
        ]);
        if (peer.eq(ours.toFixed()) && new Big(b).eq(0)) {
          expect(() => ours.div(b)).toThrow(/zero/);
          expect(() => ours.mod(b)).toThrow(/zero/);
        } else {
          expect(ours.div(b).toFixed()).toBe(peer.div(b).toFixed());
          expect(ours.mod(b).toFixed()).toBe(peer.mod(b).toFixed());
        }
      }),
      runs,
    );
  });

  it('in rounding', () => {
    fc.assert(
      fc.property(figure, fc.nat(25), fc.constantFrom('down', 'half_even', 'up'), (a, places, rounding) => {
        const peer = new Big(a).round(places, ROUNDINGS[rounding]);
        expect(decimal(a).round(places, rounding).toFixed()).toBe(peer.toFixed());
      }),
      runs,
    );
  });

  it('where two safe whole numbers come to an unsafe one, or back', () => {
    const near = fc.bigInt({ min: 2n ** 53n - 5n, max: 2n ** 53n + 5n });
    const signed = fc.tuple(near, fc.boolean(), fc.nat(3)).map(([units, negative, places]) => {
      const digits = units.toString();
      const point = digits.length - places;
      return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}0`;
    });
    const small = fc.constantFrom('1', '-1', '0.5', '2', '-3', '0.1', '10', '7');
    fc.assert(
      fc.property(signed, fc.oneof(signed, small), (a, b) => {
        const [ours, peer] = [decimal(a), new Big(a)];
        expect(ours.plus(b).minus(b).toFixed()).toBe(peer.toFixed());
        for (const work of ['plus', 'minus', 'times', 'div', 'mod'] as const)
          expect(ours[work](b).toFixed(), work).toBe(peer[work](b).toFixed());
        expect(ours.times(b).div(b).eq(a)).toBe(true);
        expect(Object.is(ours.times(0).toNumber(), 0)).toBe(true);
      }),
      runs,
    );
  });

  it('in multiples of a step', () => {
    const step = fc.constantFrom('0.01', '0.0001', '5', '0.25', '1000', '0.000000000000000001');
    fc.assert(
      fc.property(figure, step, fc.constantFrom('down', 'half_even', 'up'), (a, by, rounding) => {
        // Sixty places hold each quotient whole: the peer would round it twice.
        Big.DP = 60;
        const peer = new Big(a).div(by).round(0, ROUNDINGS[rounding]).times(by);
        Big.DP = 24;
        expect(decimal(a).toMultiple(decimal(by), rounding).toFixed()).toBe(unsigned(peer.toFixed()));
        expect(() => decimal(a).toMultiple(decimal(0), rounding)).toThrow(/zero/);
      }),
      runs,
    );
  });

  it('in whole powers, of ten above all', () => {
    for (let exponent = -18; exponent <= 18; exponent++)
      expect(decimal(10).pow(exponent).toFixed()).toBe(new Big(10).pow(exponent).toFixed());
    expect(decimal('-1.5').pow(3).toFixed()).toBe('-3.375');
  });
});

describe('a decimal', () => {
  it('reads a double by its shortest text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e25, max: 1e25 }), (value) => {
        expect(decimal(value).toNumber()).toBe(value + 0);
      }),
      runs,
    );
  });

  it('refuses what is no decimal number', () => {
    const junk = [
      '',
      ' ',
      '.',
      '-',
      '1,5',
      '1 ',
      '+1',
      '0x10',
      'NaN',
      'Infinity',
      'e5',
      '1e',
      '1.2.3',
      '1e99999',
    ];
    for (const text of junk) expect(() => decimal(text), text).toThrow(/decimal number|bounds/);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => decimal(value)).toThrow();
    for (const value of [null, undefined, {}]) expect(() => decimal(value as unknown as string)).toThrow();
  });

  it('reads a half-rounded quotient to the even side', () => {
    expect(decimal('0.0000000000000000000000025').div(1).toFixed()).toBe('0.000000000000000000000002');
    expect(decimal('0.0000000000000000000000035').div(1).toFixed()).toBe('0.000000000000000000000004');
    expect(decimal(2).div(3).toFixed()).toBe('0.666666666666666666666667');
    expect(decimal(-2).div(3).toFixed()).toBe('-0.666666666666666666666667');
  });

  it('is written as text in JSON and messages', () => {
    expect(JSON.stringify({ amount: decimal('1.50') })).toBe('{"amount":"1.5"}');
    expect(`${decimal('1e3')}`).toBe('1000');
  });
});
