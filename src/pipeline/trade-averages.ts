import type { Portfolio } from './execution/index.js';
import type { PipelineConfig } from './pipeline-api.js';

/** Closed trades after which their own averages replace the configured priors. */
const TRADES_FOR_AVERAGES = 30;

/** Average win and loss that Kelly sizes with: those of the closed trades once there are enough of them. */
export function averagesOf(
  portfolio: Portfolio,
  { mode, risk }: PipelineConfig,
): { readonly averageWin: number; readonly averageLoss: number } {
  const statistics = portfolio.statistics();
  if (statistics.closedTrades >= TRADES_FOR_AVERAGES) return statistics;
  // Assumed odds may be tried on paper; real money is sized as for an even bet until real trades speak.
  return mode === 'live' ? { averageWin: risk.averageLoss, averageLoss: risk.averageLoss } : risk;
}
