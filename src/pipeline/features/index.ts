export {
  createFeatureLayer,
  type FeatureLayer,
  type FeatureLayerOptions,
  type FeatureRow,
  type FeatureTable,
  featureRows,
  modelInputs,
  usableRows,
} from './feature-layer.js';
export type { GapRules } from './gap-window.js';
