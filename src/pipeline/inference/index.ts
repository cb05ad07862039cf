export { createInferenceLayer, type InferenceLayer, type PredictionBatch } from './inference-layer.js';
