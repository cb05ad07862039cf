import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../ports/time.js';
import type { HoldRule } from './dialects/dialect.js';

/** Thrown in place of a request that the exchange has asked not to be sent yet: it never left. */
export class RequestHeld extends Error {
  readonly retryAfterMs: number;

  constructor(exchange: string, status: number, retryAfterMs: number) {
    super(
      `${exchange} answered ${status}: nothing is asked of it for another ${Math.ceil(retryAfterMs / 1000)} s`,
    );
    this.name = 'RequestHeld';
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Requests that leave in spite of a rate limit: cancels, and whatever an emergency asks for. A ban holds them too, since
 * the exchange would refuse them for certain and ban for longer.
 */
export const urgentRequests = new AsyncLocalStorage<true | undefined>();

/** Where the exchange says 429 or 418 and not for how long. */
const LIMIT_MS_DEFAULT = 10_000;
const BAN_MS_DEFAULT = 120_000;

/** Keeps an exchange's requests in for as long as it has said: whoever continues asking is banned, or for longer. */
export interface RequestHold {
  /** Throws RequestHeld while a hold lasts. */
  check(): void;
  /** Reads the answer to a request; `retryAfterMs` as the exchange said it. */
  answered(status: number, retryAfterMs: number | null): void;
  /** Reads what the exchange says in an answer that is no 429. */
  refused(rule: HoldRule): void;
}

export function createRequestHold(exchange: string, clock: Pick<Clock, 'monotonicMs'>): RequestHold {
  let hold: { readonly status: number; readonly untilMs: number; readonly isBan: boolean } | null = null;
  const set = (status: number, forMs: number, isBan: boolean) => {
    const untilMs = clock.monotonicMs() + forMs;
    // Of requests on their way at the same time the strictest answer counts.
    if (hold === null || untilMs > hold.untilMs) hold = { status, untilMs, isBan };
  };
  return {
    check() {
      const leftMs = (hold?.untilMs ?? 0) - clock.monotonicMs();
      if (hold === null || leftMs <= 0) return;
      if (!hold.isBan && urgentRequests.getStore()) return;
      throw new RequestHeld(exchange, hold.status, leftMs);
    },
    answered(status, retryAfterMs) {
      if (status !== 429 && status !== 418) return;
      const isBan = status === 418;
      set(status, retryAfterMs ?? (isBan ? BAN_MS_DEFAULT : LIMIT_MS_DEFAULT), isBan);
    },
    refused: ({ status, holdMs, isBan }) => set(status, holdMs, isBan),
  };
}
