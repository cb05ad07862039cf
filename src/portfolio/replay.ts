import type { Fill } from '../core/order.js';
import { Portfolio, type PortfolioOptions } from './portfolio.js';
import type { Trade } from './trade.js';

/** What one fill did to its position. */
export interface FillEffect {
  readonly fill: Fill;
  /** Whether the position became larger or smaller. */
  readonly effect: 'entry' | 'exit';
  /** Signed units of base held from then on; a residual that cannot be traded is nothing. */
  readonly unitsAfter: number;
}

export interface Replay {
  readonly portfolio: Portfolio;
  /** One for each fill that counted, in the order given. */
  readonly effects: readonly FillEffect[];
  /** All trades, those still open too, in the order in which they began. */
  readonly trades: readonly Trade[];
  /** Quote units bought and sold. */
  readonly traded: number;
}

/** The account that fills make, and how they made it; oldest first. */
export function replayFills(fills: readonly Fill[], amountStepOf?: PortfolioOptions['amountStepOf']): Replay {
  const portfolio = new Portfolio({ startCash: '0', ...(amountStepOf && { amountStepOf }) });
  const effects: FillEffect[] = [];
  let traded = 0;
  for (const fill of fills) {
    const book = portfolio.book(fill.exchange, fill.symbol);
    const before = book.units.abs();
    if (!portfolio.apply(fill)) continue;
    const effect = book.units.abs().gt(before) ? 'entry' : 'exit';
    effects.push({ fill, effect, unitsAfter: book.isHeld() ? book.unitsNumber : 0 });
    traded += Number(fill.price) * Number(fill.amount);
  }
  const open = portfolio.books().flatMap((book) => book.openTrade() ?? []);
  const trades = [...portfolio.trades(), ...open].sort((a, b) => a.openedAtMs - b.openedAtMs);
  return { portfolio, effects, trades, traded };
}
