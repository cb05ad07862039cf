import { decimal } from '../core/money.js';
import { isFinal, isUnplaced, type OrderRequest, type OrderStatus, type OrderUpdate } from '../core/order.js';

interface Written {
  readonly order: OrderRequest;
  readonly status: OrderStatus;
  readonly filled: string;
  readonly message: string | null;
}

/** Orders remembered after their end, for fills that come late. */
const REMEMBERED_ORDERS = 1000;

/** What was last written down of each order, so that what brings nothing new costs neither a write nor a question. */
export class OrderLog {
  readonly #written = new Map<string, Written>();

  /** Notes what is about to be written; false where exactly that was written last. */
  note(order: OrderRequest, status: OrderStatus, filled: string, message: string | null): boolean {
    const id = order.clientOrderId;
    const last = this.#written.get(id);
    if (last?.status === status && last.filled === filled && last.message === message) return false;
    this.#written.set(id, { order, status, filled, message });
    if (this.#written.size > REMEMBERED_ORDERS) this.#written.delete(this.#written.keys().next().value!);
    return true;
  }

  order(clientOrderId: string): OrderRequest | undefined {
    return this.#written.get(clientOrderId)?.order;
  }

  /** Whether a hint speaks of something that was not written down: then the exchange is worth asking. */
  isNewer({ clientOrderId, filled }: OrderUpdate): boolean {
    const known = this.#written.get(clientOrderId);
    // What was taken for never placed has been placed, if it is spoken of.
    if (known === undefined || !isFinal(known.status) || isUnplaced(known.status)) return true;
    return filled === null || decimal(filled).gt(known.filled);
  }
}
