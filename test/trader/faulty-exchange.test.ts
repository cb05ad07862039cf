// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import { faultsOfSeed } from '../../src/simulator/index.js';
import { KEY, type LiveTrader, startLiveTrader } from './live-trader.js';

/** What makes a caller wait for its time-out of ten seconds is left to the seeded simulation, whose time is its own. */
const QUICK = [
  ...[
    'server_error',
    'reset',
    'server_error_after',
    'reset_after',
    'malformed',
    'absurd',
    'lagging',
    'doubled',
  ],
  ...['later', 'canceled', 'filled_after_cancel'],
  ...['lose_event', 'double_event', 'delay_event', 'reorder_event', 'stale_book'],
];
const BARS = 25;
let box: LiveTrader | undefined;
afterEach(async () => {
  await box?.stop();
  box = undefined;
});

describe('a live trader against an exchange with faults on', () => {
  it.each([1, 2])(
    'seed %i: knows every execution in the end, to the last decimal, and no other, and has sent no order twice',
    async (seed) => {
      box = await startLiveTrader({ book: { topSize: '0.3', levels: 4 } }, { reconcileMs: 2000 });
      const { simulator, trader } = box;
      simulator.faults = { ...faultsOfSeed(seed), requests: 0.15, orders: 0.4, only: QUICK };
      for (let i = 0; i < BARS; i++) await box.step();
      const drawn = simulator.faultReport()!.drawn;
      simulator.faults = undefined;
      const { engine } = simulator.exchange.account(KEY.apiKey)!;
      await box.until('everything settled', async () => {
        const agreed = (await trader.pipeline.orders.reconcile('binance'))?.kind === 'agreed';
        return agreed && trader.pipeline.state().unresolvedOrders === 0;
      });
      const line = (id: unknown, amount: string, price: string) =>
        `${id} ${decimal(amount).toFixed()} at ${decimal(price).toFixed()}`;
      await box.until('the last execution', async () => {
        await trader.pipeline.orders.reconcile('binance');
        return (await trader.store.fills()).length === engine.ledger.trades.length;
      });
      const stored = (await trader.store.fills()).map(({ fillId, amount, price }) =>
        line(fillId, amount, price),
      );
      const real = engine.ledger.trades.map(({ tradeId, amount, price }) => line(tradeId, amount, price));
      expect(stored.sort()).toEqual(real.sort());
      expect(real.length).toBeGreaterThan(0);
      const ids = engine.orders.map(({ clientOrderId }) => clientOrderId);
      expect(new Set(ids).size).toBe(ids.length);
      // How much was asked, and so went wrong, hangs on the pace of this machine.
      expect(Object.values(drawn).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3);
      console.log(
        `seed ${seed}: ${ids.length} orders, ${real.length} executions, faults ${JSON.stringify(drawn)}`,
      );
    },
    120_000,
  );
});
