import type { Permit, TradingStateSource } from '../../ports/guard.js';

/** The state as the permit tells it: HALTED unless there is a fresh one. */
export function createTradingStateSource(permit: Permit): TradingStateSource {
  return {
    state() {
      const reading = permit.read();
      return reading.ok ? reading.state : 'HALTED';
    },
  };
}
