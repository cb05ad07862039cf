export { createRegimeTracker, type RegimeTracker } from './regime-tracker.js';
export { type SignalConfig, SignalLayer, type SignalState } from './signal-layer.js';
