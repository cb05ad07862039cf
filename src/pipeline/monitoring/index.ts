export { rollingAuc } from './auc.js';
export { createDrift, type Drift } from './drift.js';
export { type HealthReport, healthOf, type MonitoringConfig } from './health.js';
export { createMonitor, type Monitor, type ResolvedOutcome } from './monitor.js';
export { shareOutsideTraining } from './outside-training.js';
export { psi } from './psi.js';
