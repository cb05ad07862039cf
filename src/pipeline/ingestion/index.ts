export { createGapKeeper, type GapKeeper, type GapKeeperOptions } from './gap-filler.js';
export { type IntakeResult, takeHistory } from './history-intake.js';
export {
  createIngestion,
  type Ingestion,
  type IngestionOptions,
  type IngestionResult,
  type QuarantineShare,
} from './ingestion.js';
export { createRestWatch, type RestWatch, type RestWatchOptions } from './rest-watch.js';
export type { QuarantineReason, ValidationRules } from './rules.js';
export {
  createFeedKeeper,
  type FeedEvents,
  type FeedKeeper,
  type FeedKeeperOptions,
} from './stream-supervisor.js';
export { type ValidationOptions, type ValidationResult, validateCandles } from './validate-candles.js';
