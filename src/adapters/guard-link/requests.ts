import { messageOf } from '../../core/errors.js';
import type { CancelOutcome, GuardMessage, TraderMessage } from '../../core/guard-link.js';
import type { GuardRequests } from '../../ports/guard.js';
import type { Clock } from '../../ports/time.js';

/** Does what the guard asks and answers; the same over a socket and within one process. */
export interface RequestRunner {
  receive(message: GuardMessage): void;
  stop(): void;
}

const RETRY_MS = 1_000;

/**
 * Each message of the guard replaces the work on the one before. A request that throws is answered as not confirmed and
 * tried again each second, for as long as the guard asks for nothing else.
 */
export function createRequestRunner(
  requests: GuardRequests,
  clock: Pick<Clock, 'sleep'>,
  send: (message: TraderMessage) => void,
): RequestRunner {
  let work = new AbortController();

  const repeat = async (signal: AbortSignal, tryOnce: () => Promise<boolean>) => {
    while (!signal.aborted) {
      if (await tryOnce()) return;
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  };
  const cancel = (message: Extract<GuardMessage, { type: 'cancel' }>, signal: AbortSignal) => {
    const { epoch, flatten, cause } = message;
    send({ type: 'ack', epoch });
    void repeat(signal, async () => {
      const outcome = await requests
        .cancelAll({ epoch, flatten, cause })
        .catch((error: unknown): CancelOutcome => {
          return { confirmed: false, openOrders: null, detail: `cancelling failed: ${messageOf(error)}` };
        });
      if (signal.aborted) return true;
      send({ type: 'canceled', epoch, ...outcome });
      return outcome.confirmed;
    });
  };
  const reconcile = (epoch: number, signal: AbortSignal) => {
    void repeat(signal, async () => {
      try {
        await requests.reconcile();
      } catch {
        // The trader tells and records its own failure; here it only means: not yet.
        return false;
      }
      if (!signal.aborted) send({ type: 'reconciled', epoch });
      return true;
    });
  };

  return {
    receive(message) {
      work.abort();
      work = new AbortController();
      if (message.type === 'cancel') cancel(message, work.signal);
      else reconcile(message.epoch, work.signal);
    },
    stop() {
      work.abort();
    },
  };
}
