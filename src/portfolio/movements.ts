import { type Decimal, decimal } from '../core/money.js';
import type { Fill } from '../core/order.js';
import { currenciesOf } from '../core/symbol.js';

/** What a fill moves in an account, by currency: bought and sold, paid and received, and its fee taken off. */
export function movementsOf(fill: Fill): readonly (readonly [currency: string, amount: Decimal])[] {
  const { base, quote } = currenciesOf(fill.symbol);
  const bought = fill.side === 'buy' ? decimal(fill.amount) : decimal(fill.amount).neg();
  return [
    [base, bought],
    [quote, bought.times(fill.price).neg()],
    [fill.feeCurrency, decimal(fill.fee).neg()],
  ];
}
