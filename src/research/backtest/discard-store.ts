import type { Store } from '../../ports/store.js';

/** A store that keeps nothing: for backtests whose caller takes the result itself. */
export function createDiscardStore(): Store {
  const done = Promise.resolve();
  return {
    commitBar: () => done,
    addCandles: async () => 0,
    quarantine: () => done,
    recordCorrection: () => done,
    lastCandles: async () => [],
    recordOrder: () => done,
    recordFills: () => done,
    recordFlows: () => done,
    recordHalt: () => done,
    recordRebase: () => done,
    restore: async () => ({
      account: null,
      fills: [],
      unreportedFills: [],
      flows: [],
      lastActedBarMs: {},
      holdings: {},
      openOrders: [],
      outcomes: [],
    }),
    close: () => done,
  };
}
