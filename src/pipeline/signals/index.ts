export { createRegimeTracker, type RegimeTracker } from './regime-tracker.js';
export { createSignalLayer, type SignalConfig, type SignalLayer, type SignalState } from './signal-layer.js';
