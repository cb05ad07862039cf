import type { Fill } from '../../core/order.js';
import type { CapitalFlow, OrderEvent } from '../../core/records.js';
import { canonicalMoney } from './decimal38.js';

/** A fill with its decimal text in the form it is read back in: `1.50` becomes `1.5`. Throws `E_DECIMAL`. */
export function canonicalFill(fill: Fill): Fill {
  const place = fillPlace(fill);
  return {
    ...fill,
    price: canonicalMoney(fill.price, `${place}, price`),
    amount: canonicalMoney(fill.amount, `${place}, amount`),
    fee: canonicalMoney(fill.fee, `${place}, fee`),
    ...(fill.feePrice !== undefined && {
      feePrice: canonicalMoney(fill.feePrice, `${place}, fee price`),
    }),
  };
}

/** An order event with its decimal text in the form it is read back in. Throws `E_DECIMAL`. */
export function canonicalOrderEvent(event: OrderEvent): OrderEvent {
  const { order } = event;
  const place = orderPlace(event);
  const { limitPrice, triggerPrice } = order;
  return {
    ...event,
    order: {
      ...order,
      amount: canonicalMoney(order.amount, `${place}, amount`),
      ...(limitPrice === undefined
        ? {}
        : { limitPrice: canonicalMoney(limitPrice, `${place}, limit price`) }),
      ...(triggerPrice === undefined
        ? {}
        : { triggerPrice: canonicalMoney(triggerPrice, `${place}, trigger price`) }),
    },
    filled: canonicalMoney(event.filled, `${place}, filled`),
    averagePrice:
      event.averagePrice === null ? null : canonicalMoney(event.averagePrice, `${place}, average price`),
  };
}

export function fillPlace(fill: Fill): string {
  return `fill ${fill.fillId} of ${fill.exchange} ${fill.symbol}`;
}

export function orderPlace(event: OrderEvent): string {
  return `order ${event.order.clientOrderId}`;
}

/** A flow with its decimal text in the form it is read back in. Throws `E_DECIMAL`. */
export function canonicalFlow(flow: CapitalFlow): CapitalFlow {
  return { ...flow, amount: canonicalMoney(flow.amount, `${flowPlace(flow)}, amount`) };
}

export function flowPlace(flow: CapitalFlow): string {
  return `${flow.kind} ${flow.flowId} of ${flow.exchange}`;
}
