export { createDrawdownBreaker, type DrawdownBreaker, drawdownOf } from './drawdown-breaker.js';
export { createRiskLayer, type RiskConfig, type RiskLayer, type RiskRequest } from './risk.js';
