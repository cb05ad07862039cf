import { decimal } from '../../core/money.js';
import type { CcxtOrder } from './ccxt-module.js';

/** Whether an open order waits for a trigger price: such an order protects a position, and a halt keeps it. */
export function isProtectiveStop(order: CcxtOrder): boolean {
  const trigger = order.triggerPrice ?? order.stopLossPrice;
  return trigger !== undefined && trigger !== null && decimal(trigger).gt(0);
}
