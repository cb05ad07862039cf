import { invariant } from '../core/errors.js';
import { isOrderOf } from '../core/order-owner.js';
import type { Clock, Rng } from '../ports/time.js';

/** Gives client order ids that no order has ever borne. */
export interface OrderIds {
  next(): string;
  /** Whether this box gave the id; `haltScope = "ours"` and reconciliation go by it. */
  isOurs(clientOrderId: string): boolean;
}

const ID_LENGTH_MAX = 36;
const RANDOM_DIGITS = 6;

/**
 * `rb-<device>-<time><count><random>` in base 36: wall time in milliseconds, ids given in this process, and six random
 * digits, so that neither a clock set back nor a restart within one millisecond can bring an id twice. At most 36
 * characters of [A-Za-z0-9_-], which every exchange takes. Nothing after the device may hold a hyphen: see isOrderOf.
 */
export function createOrderIds(device: string, clock: Clock, rng: Rng): OrderIds {
  const prefix = `rb-${device}-`;
  let count = 0;
  return {
    isOurs: (clientOrderId) => isOrderOf(device, clientOrderId),
    next() {
      const time = Math.max(0, Math.floor(clock.wallMs())).toString(36);
      const random = Math.floor(rng.next() * 36 ** RANDOM_DIGITS)
        .toString(36)
        .padStart(RANDOM_DIGITS, '0');
      // The count leads over from one id to the next; it wraps, since time has gone on long before it does.
      const id = `${prefix}${time}${(count++ % 36).toString(36)}${random}`;
      invariant(id.length <= ID_LENGTH_MAX, `client order id ${id} is longer than ${ID_LENGTH_MAX}`);
      return id;
    },
  };
}
