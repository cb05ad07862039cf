/**
 * Fraction of capital to stake, by Kelly's criterion for a bet won with probability `p` that pays b to 1
 * (J. L. Kelly, 1956): f* = p − (1 − p)/b with b = averageWin/averageLoss, held inside [0, 1] and multiplied by
 * `fraction`. An average loss of zero or less tells nothing about b, so b = 1 is taken, as in the article. No average win
 * means no stake (the article divides by zero).
 *
 * @param p probability of winning in the direction of the bet, in [0, 1]
 */
export function kellyFraction(p: number, averageWin: number, averageLoss: number, fraction: number): number {
  const b = averageLoss > 0 ? averageWin / averageLoss : 1;
  if (!(b > 0)) return 0;
  // p − (1 − p)/b in the article's order of operations, so that the figures are the same doubles.
  const stake = (b * p - (1 - p)) / b;
  return Math.max(0, Math.min(1, stake)) * fraction;
}
