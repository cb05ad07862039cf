export { type AlertSinks, type AlertSinksOptions, createAlertSinks } from './alert-sinks.js';
export { createDailySummary } from './daily-summary.js';
export { createGuardWatch, type GuardWatch } from './guard-watch.js';
export { createReleaseWatch, type ReleaseWatch } from './release-watch.js';
