import { expect, it } from 'vitest';
import type { AlertCode } from '../../src/core/alert-catalogue.js';
import type { ExecutionOutcome } from '../../src/execution/order-intent.js';
import { OrderAlerts } from '../../src/trader/order-alerts.js';
import { orderEventOf } from '../contract/store-rows.js';

it.each([
  ['rejected', null, ['ORDER_REJECTED']],
  // A closed market has an alert of its own.
  ['rejected', 'market_closed', []],
  // What the box itself keeps in follows from a state that is reported as such.
  ['denied', 'state_halted', []],
  ['never_placed', null, ['ORDER_NEVER_PLACED']],
  ['canceled', null, []],
  ['unknown', null, ['ORDER_UNKNOWN']],
] as const)('an order that ended as %s, for %s, is told as %j', async (status, reason, codes) => {
  const raised: AlertCode[] = [];
  const alerts = new OrderAlerts({
    alerts: { raise: async (code) => void raised.push(code) },
    store: { recordReported: async () => undefined },
    onFill: () => undefined,
  });
  alerts.start([]);
  // The message is foreign text, and speaks of something else.
  const message = 'rejected, no_permit: not found twice at the exchange';
  const { order } = orderEventOf('o', status, 1);
  alerts.report({ order, status, reason, message, tries: 1, fills: [], slippage: null } as ExecutionOutcome);
  await alerts.reported();
  expect(raised).toEqual(codes);
});
