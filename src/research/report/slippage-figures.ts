import { decimal, text } from '../../core/money.js';
import type { Fill, OrderRequest } from '../../core/order.js';
import { slippageBps } from '../../execution/slippage.js';

/** How much worse than a reference price fills were; positive = paid more or received less. */
export interface SlippageFigures {
  readonly fills: number;
  /** Weighted by notional. */
  readonly meanBps: number;
  readonly medianBps: number;
  readonly worstBps: number;
  /** What it came to in quote units: decimal text, exact. */
  readonly cost: string;
}

/** A fill with the prices it is held against: the close decided on, and the quote at the decision; null where unknown. */
export interface TracedFill extends Fill {
  readonly decisionPrice: number | null;
  readonly arrivalPrice: number | null;
}

/** Fills that belong together, against both prices. */
export interface SlippageGroup {
  readonly key: string;
  readonly fills: number;
  /** Quote units: decimal text, exact. */
  readonly notional: string;
  readonly decision: SlippageFigures | null;
  readonly arrival: SlippageFigures | null;
}

/** Against the close decided on, of all fills whose order is known; null where there is none. */
export function slippageFigures(
  fills: readonly Fill[],
  orders: ReadonlyMap<string, Pick<OrderRequest, 'decisionPrice'>>,
): SlippageFigures | null {
  return figuresAgainst(fills, ({ clientOrderId }) => orders.get(clientOrderId)?.decisionPrice);
}

/** Groups in the order in which their first fills come. */
export function slippageBy(
  fills: readonly TracedFill[],
  keyOf: (fill: TracedFill) => string,
): readonly SlippageGroup[] {
  const groups = new Map<string, TracedFill[]>();
  for (const fill of fills) {
    const key = keyOf(fill);
    const group = groups.get(key);
    if (group) group.push(fill);
    else groups.set(key, [fill]);
  }
  return [...groups].map(([key, of]) => ({
    key,
    fills: of.length,
    notional: text(of.reduce((sum, { price, amount }) => sum.plus(decimal(price).times(amount)), decimal(0))),
    decision: figuresAgainst(of, ({ decisionPrice }) => decisionPrice),
    arrival: figuresAgainst(of, ({ arrivalPrice }) => arrivalPrice),
  }));
}

/** An order adopted from the exchange has no price it was decided at: such a reference is none. */
function figuresAgainst<F extends Fill>(
  fills: readonly F[],
  referenceOf: (fill: F) => number | null | undefined,
): SlippageFigures | null {
  const each: number[] = [];
  let notional = 0;
  let weighted = 0;
  let cost = decimal(0);
  for (const fill of fills) {
    const reference = referenceOf(fill);
    if (reference === null || reference === undefined || !(reference > 0)) continue;
    const price = Number(fill.price);
    const units = Number(fill.amount);
    const bps = slippageBps(fill.side, reference, price);
    each.push(bps);
    notional += units * price;
    weighted += bps * units * price;
    const worse = decimal(fill.price).minus(reference).times(fill.amount);
    cost = fill.side === 'buy' ? cost.plus(worse) : cost.minus(worse);
  }
  if (each.length === 0) return null;
  each.sort((a, b) => a - b);
  return {
    fills: each.length,
    meanBps: weighted / notional,
    medianBps: (each[(each.length - 1) >> 1]! + each[each.length >> 1]!) / 2,
    worstBps: each.at(-1)!,
    cost: text(cost),
  };
}
