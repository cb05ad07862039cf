import { decimal, floorToStep, roundToTick, text } from '../core/money.js';
import type { MarketRules, OrderRequest } from '../core/order.js';
import type { PositionBook } from '../portfolio/position.js';

/** A stop that is to rest at the exchange for a position. */
export interface StopIntent {
  readonly exchange: string;
  readonly rules: MarketRules;
  readonly side: OrderRequest['side'];
  readonly amount: string;
  readonly triggerPrice: string;
  readonly barOpenMs: number;
  readonly lastClose: number;
}

/**
 * The stop for what a book holds: all of it that can be traded, `percent` below the average entry (above it for a short).
 * Null where nothing is held that a stop could sell.
 */
export function stopFor(
  book: PositionBook,
  rules: MarketRules,
  percent: number,
  barOpenMs: number,
): StopIntent | null {
  const amount = floorToStep(book.units.abs(), decimal(rules.amountStep));
  if (percent === 0 || !amount.gt(0) || amount.lt(rules.amountMin)) return null;
  const long = book.units.gt(0);
  const share = decimal(percent).div(long ? -100 : 100);
  const trigger = roundToTick(decimal(book.averageEntry).times(share.plus(1)), decimal(rules.priceTick));
  if (!trigger.gt(0) || amount.times(trigger).lt(rules.notionalMin)) return null;
  return {
    exchange: book.exchange,
    rules,
    side: long ? 'sell' : 'buy',
    amount: text(amount),
    triggerPrice: text(trigger),
    barOpenMs,
    lastClose: book.markPrice,
  };
}

/** Whether the price has come to the trigger by the last close: an exchange takes no such stop. */
export function isTriggered({ side, triggerPrice, lastClose }: StopIntent): boolean {
  return side === 'sell' ? lastClose <= Number(triggerPrice) : lastClose >= Number(triggerPrice);
}

/** Slippage of a stop is counted from its trigger. */
export function stopOrder(intent: StopIntent, clientOrderId: string): OrderRequest {
  const { exchange, rules, side, amount, triggerPrice, barOpenMs } = intent;
  return {
    clientOrderId,
    exchange,
    symbol: rules.symbol,
    side,
    type: 'stop',
    amount,
    triggerPrice,
    barOpenMs,
    decisionPrice: Number(triggerPrice),
    reducing: true,
  };
}
