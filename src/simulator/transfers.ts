import { type Decimal, decimal } from '../core/money.js';

/** Money that came to an account or left it. Decimal text. */
export interface Transfer {
  readonly id: string;
  readonly kind: 'deposit' | 'withdrawal';
  readonly asset: string;
  /** What arrived at the other end; the account gives up `amount` and `fee` in a withdrawal. */
  readonly amount: string;
  readonly fee: string;
  readonly atMs: number;
}

/** Change of the account's balance. */
export function deltaOf({ kind, amount, fee }: Transfer): Decimal {
  return kind === 'deposit' ? decimal(amount) : decimal(amount).plus(fee).neg();
}
