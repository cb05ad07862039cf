import type { EmergencyCanceller } from './cancel-orders.js';

/** Paper orders live in the trader alone, so that without a trader none can be open. */
export const PAPER_CANCELLER: EmergencyCanceller = {
  async cancelAll() {
    return { confirmed: true, openOrders: 0, detail: 'paper mode: no order rests at an exchange' };
  },
};
