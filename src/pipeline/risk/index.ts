export {
  type CloseHistory,
  type Correlations,
  createCloseHistory,
  createCorrelations,
  historyBars,
} from './correlation.js';
export { createRiskLayer, type RiskConfig, type RiskLayer, type RiskRequest } from './risk.js';
