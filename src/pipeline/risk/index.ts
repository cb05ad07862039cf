export {
  type CloseHistory,
  createCloseHistory,
  createCorrelations,
  historyBars,
} from './correlation.js';
export { createDayLoss, type DayLoss, dayLossOf } from './day-loss.js';
export { createDrawdownBreaker, type DrawdownBreaker, drawdownOf } from './drawdown-breaker.js';
export { createRiskLayer, type RiskConfig, type RiskLayer, type RiskRequest } from './risk.js';
