import { describe, expect, it } from 'vitest';
import {
  type CreateAttempt,
  CreateDenied,
  checkMayLeave,
  createAttempts,
} from '../../../src/adapters/ccxt/create-attempt.js';
import type { DenialReason } from '../../../src/core/order.js';

const attempt = (reason: DenialReason | null): CreateAttempt => ({
  mayLeave: () => reason,
  epoch: 1,
  entered: false,
  sent: 0,
  status: null,
  retryAfterMs: null,
});

describe('the check as ccxt wants to fetch', () => {
  it('keeps in a create request that may not leave, before a connection is asked for', () => {
    expect(() => createAttempts.run(attempt('no_permit'), checkMayLeave)).toThrow(CreateDenied);
  });

  it('lets one pass that may, and knows it', () => {
    const mine = attempt(null);
    expect(createAttempts.run(mine, checkMayLeave)).toBe(mine);
  });

  it('does nothing for a request that creates no order', () => {
    expect(checkMayLeave()).toBeUndefined();
  });
});
