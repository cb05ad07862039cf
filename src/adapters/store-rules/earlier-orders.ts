import type { DenialReason } from '../../core/order.js';
import type { OrderEvent } from '../../core/records.js';

/** As versions before `denied` and `never_placed` wrote it: `rejected` was all of them, and the message alone says which. */
export type EarlierOrderEvent = Omit<OrderEvent, 'reason'>;

/** The gate's own reasons then, before its figures or behind its refusal at the wire. */
const DENIED =
  /^(?:refused as it was about to leave: )?(no_permit|price_stale|notional_cap|price_collar|order_rate|stop_rests|exit_in_flight|stop_not_protective|exchange_filter|market_closed|state_reducing|state_halted|symbol_unknown)(?:: |$)/;
const NEVER_PLACED =
  /^not found twice at the exchange$|^the connection ended before the order was written$|^\S+ answered 4(?:18|29): nothing is asked of it for another \d+ s$|: ccxt would send |^ccxt cannot place /;

/** The event with the status and reason that it has today. Migration 0015 does the same to rows; a test holds them together. */
export function sinceDenied(event: EarlierOrderEvent): OrderEvent {
  const message = event.message ?? '';
  if (event.status !== 'rejected') return { ...event, reason: null };
  const reason = DENIED.exec(message)?.[1];
  if (reason !== undefined) return { ...event, status: 'denied', reason: reason as DenialReason };
  return { ...event, status: NEVER_PLACED.test(message) ? 'never_placed' : 'rejected', reason: null };
}
