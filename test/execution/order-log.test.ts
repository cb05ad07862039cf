import { expect, it } from 'vitest';
import type { OrderRequest, OrderStatus } from '../../src/core/order.js';
import { OrderLog } from '../../src/execution/order-log.js';

it.each([
  ['rejected', true],
  ['denied', true],
  ['never_placed', true],
  ['canceled', false],
  ['expired', false],
] as const satisfies readonly (readonly [OrderStatus, boolean])[])(
  'an order that was recorded as %s is asked for where the exchange speaks of it: %s',
  (status, asked) => {
    const log = new OrderLog();
    log.note({ clientOrderId: 'rb-box-1' } as OrderRequest, status, '0', null);
    expect(log.isNewer({ clientOrderId: 'rb-box-1', symbol: 'BTC/USDT', filled: '0' })).toBe(asked);
  },
);
