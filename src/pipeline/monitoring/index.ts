export { createDrift, type Drift } from './drift.js';
export type { HealthReport, MonitoringConfig } from './health.js';
export { createMonitor, type Monitor, type ResolvedOutcome } from './monitor.js';
export { shareOutsideTraining } from './outside-training.js';
