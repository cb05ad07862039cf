import type { DenialReason, OrderRequest } from '../core/order.js';

/**
 * The question that a broker asks at the moment a create request leaves the box. Brokers are made before the gate that
 * answers: until then nothing may leave.
 */
export class LastCheck {
  #mayLeave: (order: OrderRequest) => DenialReason | null = () => 'no_permit';

  answerBy(mayLeave: (order: OrderRequest) => DenialReason | null): void {
    this.#mayLeave = mayLeave;
  }

  /** Why the order may not leave; null when it may. */
  ask(order: OrderRequest): DenialReason | null {
    return this.#mayLeave(order);
  }
}
