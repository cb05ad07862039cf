export { createSignalLayer, type SignalConfig, type SignalLayer } from './signal-layer.js';
