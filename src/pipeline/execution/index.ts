export { type Brokers, createBrokers } from './brokers.js';
export { closeQuote, slippedQuote } from './close-quote.js';
export {
  createExecution,
  type Execution,
  type ExecutionConfig,
  type ExecutionDeps,
} from './execution.js';
export { EXIT_BOUND_MAX, EXIT_BOUNDS, exitQuote } from './exit-bound.js';
export { createHaltDuties, type HaltDutiesOptions } from './halt-duties.js';
export { joinDuties, type VenueDuties } from './join-duties.js';
export {
  createOrderGate,
  type GateConfig,
  type GateContext,
  type GateResult,
  type OrderGate,
  type OrderPlace,
} from './order-gate.js';
export { createOrderIds, type OrderIds } from './order-id.js';
export type { ExecutionOutcome, OrderIntent } from './order-intent.js';
export { createPaperBroker, type PaperBroker, type PaperBrokerOptions } from './paper-broker.js';
export { createReconciler, type Reconciler, type Reconciliation } from './reconciliation.js';
export { type RecordedDutiesOptions, recordedDuties } from './recorded-duties.js';
export { slippageBps } from './slippage.js';
export { isTriggered, type StopIntent, stopFor } from './stop-order.js';
