import type { Fill, OrderRequest, Quote, Side } from '../core/order.js';

/** How much worse than `reference` a fill was, in basis points; positive = paid more or received less. */
export function slippageBps(side: Side, reference: number, fillPrice: number): number {
  const moved = ((fillPrice - reference) / reference) * 1e4;
  return side === 'buy' ? moved : -moved;
}

/** Slippage of the fills' average price against the decision price and against the quote. */
export function slippageOf(
  order: OrderRequest,
  fills: readonly Fill[],
  quote: Quote | undefined,
): { readonly decisionBps: number; readonly arrivalBps: number } | null {
  if (fills.length === 0 || quote === undefined) return null;
  let notional = 0;
  let amount = 0;
  for (const fill of fills) {
    notional += Number(fill.price) * Number(fill.amount);
    amount += Number(fill.amount);
  }
  const average = notional / amount;
  const arrival = order.side === 'buy' ? quote.ask : quote.bid;
  return {
    decisionBps: slippageBps(order.side, order.decisionPrice, average),
    arrivalBps: slippageBps(order.side, arrival, average),
  };
}
