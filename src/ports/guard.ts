import type { CancelOrder, CancelOutcome } from '../core/guard-link.js';
import type { TradingState } from '../core/trading-state.js';

/** The guard's leave to enter, read synchronously at the moment of use. */
export interface Permit {
  read(): PermitReading;
}

/** `state` is the guard's: one read answers both "may anything leave" and "may it enter". HALTED is never ok. */
export type PermitReading =
  | {
      readonly ok: true;
      readonly state: Exclude<TradingState, 'HALTED'>;
      readonly epoch: number;
      readonly expiresMonotonicMs: number;
    }
  | { readonly ok: false; readonly reason: 'absent' | 'unreadable' | 'lapsed' | 'revoked' };

/** The state the pipeline and the gate go by: HALTED whenever the permit is not ok, else the guard's own state. */
export interface TradingStateSource {
  state(): TradingState;
}

/** What the guard asks of the trader. Both may be called again while an earlier call runs. */
export interface GuardRequests {
  /** By the two-answer rule. Called again a second after each outcome that is not confirmed, while the halt stands. */
  cancelAll(order: CancelOrder): Promise<CancelOutcome>;
  /** Resolves once orders, fills, balances and positions agree with the exchange; a rejection is tried again. */
  reconcile(): Promise<void>;
}

/** The trader's connection to the guard. */
export interface GuardLink {
  start(): void;
  stop(): Promise<void>;
  /** Asks the guard to halt (circuit breaker). The trader moves its own state down beside that. */
  requestHalt(detail: string): void;
}
