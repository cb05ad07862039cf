import type { Side } from '../../core/order.js';

/** How much worse than `reference` a fill was, in basis points; positive = paid more or received less. */
export function slippageBps(side: Side, reference: number, fillPrice: number): number {
  const moved = ((fillPrice - reference) / reference) * 1e4;
  return side === 'buy' ? moved : -moved;
}
