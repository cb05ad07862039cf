export { GapFiller, type GapFillerOptions } from './gap-filler.js';
export { type IntakeResult, takeHistory } from './history-intake.js';
export {
  Ingestion,
  type IngestionOptions,
  type IngestionResult,
  type QuarantineShare,
} from './ingestion.js';
export { RestWatch, type RestWatchOptions } from './rest-watch.js';
export type { QuarantineReason, ValidationRules } from './rules.js';
export {
  type FeedEvents,
  StreamSupervisor,
  type StreamSupervisorOptions,
} from './stream-supervisor.js';
export { type ValidationOptions, type ValidationResult, validateCandles } from './validate-candles.js';
