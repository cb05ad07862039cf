import { beforeAll, describe, expect, it } from 'vitest';
import { type CcxtModule, loadCcxt } from '../../../src/adapters/ccxt/ccxt-module.js';
import { type CreateAttempt, CreateDenied } from '../../../src/adapters/ccxt/create-attempt.js';
import { createFailure } from '../../../src/adapters/ccxt/create-failure.js';
import { dialectOf } from '../../../src/adapters/ccxt/dialects/table.js';

let module: CcxtModule;
beforeAll(async () => {
  module = await loadCcxt('binance');
});

const sent: CreateAttempt = {
  mayLeave: () => null,
  epoch: 0,
  entered: true,
  sent: 1,
  status: 400,
  retryAfterMs: null,
};

/** An error of ccxt's own class of that name. */
function ccxtError(name: keyof CcxtModule['errors'], message = 'refused'): Error {
  const ErrorClass = module.errors[name] as unknown as new (message: string) => Error;
  return new ErrorClass(message);
}

describe('what a failed create means', () => {
  it('nothing was placed by what never left', () => {
    const attempt = { ...sent, entered: false, sent: 0, status: null };
    expect(
      createFailure(new Error('signing failed'), attempt, module.errors, dialectOf('binance')),
    ).toMatchObject({
      kind: 'not_placed',
      retryable: false,
    });
  });

  it('the gate’s own word at the wire is its denial, with its reason', () => {
    const attempt = { ...sent, sent: 0, status: null };
    expect(
      createFailure(new CreateDenied('state_halted'), attempt, module.errors, dialectOf('binance')),
    ).toEqual({
      kind: 'denied',
      reason: 'state_halted',
      message: 'denied as it was about to leave: state_halted',
    });
  });

  it('nothing was placed while no connection stood, and it may be tried again', () => {
    const attempt = { ...sent, sent: 0, status: null };
    expect(
      createFailure(new Error('ECONNREFUSED'), attempt, module.errors, dialectOf('binance')),
    ).toMatchObject({
      kind: 'not_placed',
      retryable: true,
    });
  });

  it('no answer to what was written is ambiguous', () => {
    const attempt = { ...sent, status: null };
    expect(createFailure(new Error('ECONNRESET'), attempt, module.errors, dialectOf('binance')).kind).toBe(
      'ambiguous',
    );
  });

  it.each([
    ['InvalidOrder', 'Filter failure: LOT_SIZE', 'rules'],
    ['BadRequest', '{"code":-1111,"msg":"Precision is over the maximum defined for this asset."}', 'rules'],
    ['InvalidOrder', '{"code":-2010,"msg":"Order amount is too small"}', 'rules'],
    ['MarketClosed', 'Market is closed.', 'closed'],
    ['OperationRejected', 'This symbol is not trading now', 'closed'],
    ['BadRequest', 'Trading pair suspended', 'closed'],
    ['InsufficientFunds', 'Account has insufficient balance', undefined],
    ['AuthenticationError', 'Invalid API-key', undefined],
    ['InvalidNonce', 'Timestamp is outside of the recvWindow', undefined],
  ] as const)('%s "%s" speaks of %s', (name, message, about) => {
    const failure = createFailure(ccxtError(name, message), sent, module.errors, dialectOf('binance'));
    expect('about' in failure ? failure.about : undefined).toBe(about);
  });

  it('a second request of the same create makes everything ambiguous, a refusal of it too', () => {
    const attempt = { ...sent, sent: 2 };
    expect(createFailure(ccxtError('InvalidOrder'), attempt, module.errors, dialectOf('binance')).kind).toBe(
      'ambiguous',
    );
    expect(
      createFailure(new CreateDenied('no_permit'), { ...sent }, module.errors, dialectOf('binance')).kind,
    ).toBe('ambiguous');
  });

  it.each([
    'InsufficientFunds',
    'InvalidOrder',
    'AuthenticationError',
    'BadRequest',
    'OperationRejected',
  ] as const)('%s, in a clear answer, is the exchange’s rejection', (name) => {
    const result = createFailure(ccxtError(name), sent, module.errors, dialectOf('binance'));
    expect(result).toMatchObject({ kind: 'rejected' });
  });

  it('the same refusal in an answer with status 5xx proves nothing', () => {
    const result = createFailure(
      ccxtError('InvalidOrder'),
      { ...sent, status: 502 },
      module.errors,
      dialectOf('binance'),
    );
    expect(result.kind).toBe('ambiguous');
  });

  it('a wrong clock may be tried again', () => {
    expect(
      createFailure(ccxtError('InvalidNonce', '-1021'), sent, module.errors, dialectOf('binance')),
    ).toMatchObject({
      kind: 'not_placed',
      retryable: true,
    });
  });

  it('a duplicate id means that an order of ours is there', () => {
    for (const error of [ccxtError('DuplicateOrderId'), ccxtError('InvalidOrder', 'Duplicate order sent.')]) {
      expect(createFailure(error, sent, module.errors, dialectOf('binance')).kind).toBe('ambiguous');
    }
  });

  it('an error that ccxt cannot name is ambiguous', () => {
    expect(
      createFailure(new Error('?'), { ...sent, status: 200 }, module.errors, dialectOf('binance')).kind,
    ).toBe('ambiguous');
  });
});
