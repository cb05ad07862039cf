import type { TradingState } from '../core/trading-state.js';
import type { NoticeKind } from './halt-state.js';

/** Something a person, the store or a log should hear of. `atMs` is wall time. */
export interface GuardNotice {
  readonly kind:
    | NoticeKind
    | 'trader_gone'
    | 'trader_back'
    | 'trader_killed'
    | 'fault'
    | 'cancel_attempt'
    | 'declined';
  readonly state: TradingState;
  readonly cause: string;
  readonly detail: string;
  readonly epoch: number;
  readonly atMs: number;
}
