import { slippageBy, type TracedFill } from '../report/slippage-figures.js';

/** How much worse than close and quote a market's own fills were on average, by notional; at least 0. */
export interface FittedSlippage {
  readonly fills: number;
  readonly decisionBps: number;
  readonly arrivalBps: number;
}

/** Fewer fills than these say more of their moments than of the market. */
export const FILLS_FOR_FIT = 30;

/** By `exchange:symbol`; a market with fewer fills of known orders than {@link FILLS_FOR_FIT} is not in it. */
export function fitSlippage(fills: readonly TracedFill[]): ReadonlyMap<string, FittedSlippage> {
  const groups = slippageBy(fills, ({ exchange, symbol }) => `${exchange}:${symbol}`);
  const fitted = new Map<string, FittedSlippage>();
  for (const { key, decision, arrival } of groups) {
    if (decision === null || decision.fills < FILLS_FOR_FIT) continue;
    fitted.set(key, {
      fills: decision.fills,
      decisionBps: Math.max(0, decision.meanBps),
      // Where a quote was stored with too few of the decisions, the book is taken as it stands.
      arrivalBps: arrival === null || arrival.fills < FILLS_FOR_FIT ? 0 : Math.max(0, arrival.meanBps),
    });
  }
  return fitted;
}
