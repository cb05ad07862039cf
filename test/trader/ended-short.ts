import { expect } from 'vitest';
import { decimal } from '../../src/core/money.js';
import type { SimulatedOrder } from '../../src/simulator/order-engine.js';
import { KEY, type LiveTrader } from './live-trader.js';

/** So thin that an order of the box ends before it is filled, and an execution can follow. */
export const THIN = { book: { topSize: '0.02', levels: 1 } };

export const engineOf = (box: LiveTrader) => box.simulator.exchange.account(KEY.apiKey)!.engine;

/** Whether the box has stored all that the exchange has executed of an order. */
export async function knowsAll(box: LiveTrader, order: SimulatedOrder): Promise<boolean> {
  const fills = await box.trader.store.fills();
  return fills
    .filter(({ clientOrderId }) => clientOrderId === order.clientOrderId)
    .reduce((sum, { amount }) => sum.plus(amount), decimal(0))
    .eq(order.filled);
}

/** Steps until an order of the box has ended short of its amount, and its fills are stored. */
export async function endedShort(box: LiveTrader): Promise<SimulatedOrder> {
  const isShort = (order: SimulatedOrder) => order.status === 'EXPIRED' && order.filled.lt(order.amount);
  while (!engineOf(box).orders.some(isShort)) await box.step();
  const order = engineOf(box).orders.find(isShort)!;
  await box.until('its fills', () => knowsAll(box, order));
  return order;
}

/** The exchange executes more of an order that it has ended. */
export function fillOn(box: LiveTrader, order: SimulatedOrder): void {
  const { exchange } = box.simulator;
  const before = order.filled;
  exchange.book(order.instrument).draw(exchange.replay.lastClose(order.instrument)!);
  engineOf(box).execute(order, exchange.book(order.instrument), decimal('0.001'), exchange.clock.wallMs());
  expect(order.filled.gt(before)).toBe(true);
}
