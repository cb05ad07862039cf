import type { Portfolio } from './portfolio.js';

/** Closed trades after which their own averages replace the configured priors. */
const TRADES_FOR_AVERAGES = 30;

export interface AverageSettings {
  readonly mode: 'paper' | 'live';
  /** What is assumed before there are enough trades, as fractions of an entry. */
  readonly risk: { readonly averageWin: number; readonly averageLoss: number };
}

/** Average win and loss that Kelly sizes with: those of the closed trades once there are enough of them. */
export function averagesOf(
  portfolio: Portfolio,
  { mode, risk }: AverageSettings,
): { readonly averageWin: number; readonly averageLoss: number } {
  const statistics = portfolio.statistics();
  if (statistics.closedTrades >= TRADES_FOR_AVERAGES) return statistics;
  // Assumed odds may be tried on paper; real money is sized as for an even bet until real trades speak.
  return mode === 'live' ? { averageWin: risk.averageLoss, averageLoss: risk.averageLoss } : risk;
}
