import { messageOf } from '../../core/errors.js';
import type { MarketChange, SubmitResult } from '../../ports/broker.js';
import type { CcxtErrors } from './ccxt-module.js';
import { type CreateAttempt, CreateDenied } from './create-attempt.js';
import type { Dialect } from './dialects/dialect.js';
import { RequestHeld } from './request-hold.js';

/** Words for a market that takes no orders, where the class of the error does not say it. */
const CLOSED =
  /(market|symbol|trading|instrument|pair)\b.{0,40}\b(closed|halted|suspended|paused|break|delisted|offline|disabled|not (currently )?(trading|tradable|open|active))|cancel[-_ ]only|post[-_ ]only mode/i;

/** Whether an error may mean that the market is no longer as it was read: better read once too often than never. */
function aboutMarket(
  error: unknown,
  message: string,
  errors: CcxtErrors,
): { about: MarketChange } | undefined {
  if (error instanceof errors.MarketClosed) return { about: 'closed' };
  const known = [errors.InvalidOrder, errors.BadRequest, errors.OperationRejected];
  if (error instanceof errors.InvalidNonce || !known.some((each) => error instanceof each)) return undefined;
  return { about: CLOSED.test(message) ? 'closed' : 'rules' };
}

/**
 * Tells what a failed create means. Denied or not placed only where it is proven: no byte of the request was written, or the
 * exchange put it off. Rejected where the exchange refused it in so many words. All else is ambiguous.
 */
export function createFailure(
  error: unknown,
  attempt: CreateAttempt,
  errors: CcxtErrors,
  { duplicate, outcomeUnknown, rejected }: Pick<Dialect, 'duplicate' | 'outcomeUnknown' | 'rejected'>,
): SubmitResult {
  const message = messageOf(error);
  const about = attempt.status === null ? undefined : aboutMarket(error, message, errors);
  const notPlaced = (retryable: boolean, retryAfterMs?: number | null): SubmitResult => ({
    kind: 'not_placed',
    message,
    retryable,
    ...(retryAfterMs !== undefined && retryAfterMs !== null && { retryAfterMs }),
    ...about,
  });
  const ambiguous: SubmitResult = { kind: 'ambiguous', message };

  if (error instanceof CreateDenied)
    return attempt.sent === 0 ? { kind: 'denied', reason: error.reason, message } : ambiguous;
  // The exchange has said when to come back, and this one never left.
  if (error instanceof RequestHeld && attempt.sent === 0) return notPlaced(true, error.retryAfterMs);
  if (!attempt.entered) return notPlaced(false);
  // No connection stood to write it to.
  if (attempt.sent === 0) return notPlaced(true);
  if (attempt.sent > 1 || attempt.status === null) return ambiguous;
  if (duplicate.test(message) || outcomeUnknown?.test(message)) return ambiguous;
  if (rejected?.test(message))
    return { kind: 'rejected', message, about: CLOSED.test(message) ? 'closed' : 'rules' };
  if (error instanceof errors.DuplicateOrderId) return ambiguous;
  if (attempt.status === 429 || attempt.status === 418) return notPlaced(true, attempt.retryAfterMs);
  if (attempt.status >= 500 || attempt.status === 408) return ambiguous;
  if (error instanceof errors.InvalidNonce) return notPlaced(true);
  if (error instanceof errors.RateLimitExceeded || error instanceof errors.DDoSProtection) {
    return notPlaced(true, attempt.retryAfterMs);
  }
  const isRejection = [
    errors.InsufficientFunds,
    errors.InvalidOrder,
    errors.AuthenticationError,
    errors.BadRequest,
    errors.OperationRejected,
    errors.NotSupported,
    errors.ArgumentsRequired,
  ].some((known) => error instanceof known);
  return isRejection ? { kind: 'rejected', message, ...about } : ambiguous;
}
