import type { Fill, OrderRequest } from '../core/order.js';
import { slippageBps } from '../pipeline/execution/index.js';

/** How much worse than the close decided on the fills were; positive = paid more or received less. */
export interface SlippageFigures {
  readonly fills: number;
  /** Weighted by notional. */
  readonly meanBps: number;
  readonly medianBps: number;
  readonly worstBps: number;
  /** What it came to, in quote units. */
  readonly cost: number;
}

/** Of all fills whose order is known; null where there is none. */
export function slippageFigures(
  fills: readonly Fill[],
  orders: ReadonlyMap<string, Pick<OrderRequest, 'decisionPrice'>>,
): SlippageFigures | null {
  const each: number[] = [];
  let notional = 0;
  let weighted = 0;
  let cost = 0;
  for (const fill of fills) {
    const decision = orders.get(fill.clientOrderId)?.decisionPrice;
    if (decision === undefined) continue;
    const price = Number(fill.price);
    const units = Number(fill.amount);
    const bps = slippageBps(fill.side, decision, price);
    each.push(bps);
    notional += units * price;
    weighted += bps * units * price;
    cost += units * (fill.side === 'buy' ? price - decision : decision - price);
  }
  if (each.length === 0) return null;
  each.sort((a, b) => a - b);
  return {
    fills: each.length,
    meanBps: weighted / notional,
    medianBps: (each[(each.length - 1) >> 1]! + each[each.length >> 1]!) / 2,
    worstBps: each.at(-1)!,
    cost,
  };
}
