import { AsyncLocalStorage } from 'node:async_hooks';
import type { DenialReason, OrderRequest } from '../../core/order.js';

/**
 * Asked synchronously as the bytes of a create request are about to be written, and while it is under way; a reason keeps
 * it in, or ends it.
 */
export type BeforeCreateLeaves = (order: OrderRequest) => DenialReason | null;

/** What is known of one create request on the wire; filled in by the hooks as it goes. */
export interface CreateAttempt {
  readonly mayLeave: () => DenialReason | null;
  /** Of the permit that it was passed under. */
  readonly epoch: number;
  /** Set once ccxt has signed and wants to fetch; before that it was surely not placed. */
  entered: boolean;
  /** Requests of which bytes were written. ccxt may follow a create up with another one, whose answer says nothing of the first. */
  sent: number;
  /** HTTP status of the answer, once there is one. */
  status: number | null;
  retryAfterMs: number | null;
}

/**
 * Carries the attempt through ccxt's own queueing and signing, so that the hook at the far end knows a create request
 * from all others without guessing by address.
 */
export const createAttempts = new AsyncLocalStorage<CreateAttempt>();

/** Thrown inside ccxt to keep a create request in. */
export class CreateDenied extends Error {
  readonly reason: DenialReason;

  constructor(reason: DenialReason) {
    super(`denied as it was about to leave: ${reason}`);
    this.name = 'CreateDenied';
    this.reason = reason;
  }
}

/** Throws CreateDenied when the current create request may not leave; does nothing for all other requests. */
export function checkMayLeave(): CreateAttempt | undefined {
  const attempt = createAttempts.getStore();
  if (!attempt) return undefined;
  const reason = attempt.mayLeave();
  if (reason !== null) throw new CreateDenied(reason);
  return attempt;
}
