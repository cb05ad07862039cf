import type { TradingState } from '../core/trading-state.js';
import type { TradingStateSource } from '../ports/guard.js';

/** A part of the box that may hold trading below what the guard allows, never above it. */
export interface StateLimit {
  limit(states: TradingStateSource): TradingStateSource;
}

/** The state that the box goes by: the guard's, or a stricter one where a part of the box asks for it. */
export class TradingStates implements TradingStateSource {
  #source: TradingStateSource;

  constructor(guard: TradingStateSource) {
    this.#source = guard;
  }

  limitBy(part: StateLimit): void {
    this.#source = part.limit(this.#source);
  }

  state(): TradingState {
    return this.#source.state();
  }
}
