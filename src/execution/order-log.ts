import { decimal } from '../core/money.js';
import { isFinal, isUnplaced, type OrderHint, type OrderRequest, type OrderStatus } from '../core/order.js';

interface Written {
  readonly order: OrderRequest;
  readonly status: OrderStatus;
  readonly filled: string;
  readonly message: string | null;
}

/** What was last written down of each order, so that what brings nothing new costs neither a write nor a question. */
export interface OrderLog {
  /** Notes what is about to be written; false where exactly that was written last. */
  note(order: OrderRequest, status: OrderStatus, filled: string, message: string | null): boolean;
  order(clientOrderId: string): OrderRequest | undefined;
  /** Whether a hint speaks of something that was not written down: then the exchange is worth asking. */
  isNews(hint: OrderHint): boolean;
}

/** Orders remembered after their end, for fills that come late. */
const REMEMBERED_ORDERS = 1000;

export function createOrderLog(): OrderLog {
  const written = new Map<string, Written>();
  return {
    note(order, status, filled, message) {
      const id = order.clientOrderId;
      const last = written.get(id);
      if (last?.status === status && last.filled === filled && last.message === message) return false;
      written.set(id, { order, status, filled, message });
      if (written.size > REMEMBERED_ORDERS) written.delete(written.keys().next().value!);
      return true;
    },
    order: (clientOrderId) => written.get(clientOrderId)?.order,
    isNews({ clientOrderId, filled }) {
      const known = written.get(clientOrderId);
      // What was taken for never placed has been placed, if it is spoken of.
      if (known === undefined || !isFinal(known.status) || isUnplaced(known.status)) return true;
      return filled === null || decimal(filled).gt(known.filled);
    },
  };
}
