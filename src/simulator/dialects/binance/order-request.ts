import { type Decimal, decimal } from '../../../core/money.js';
import type { Instrument } from '../../instrument.js';
import { type NewOrder, ORDER_TYPES } from '../../new-order.js';
import { refusals } from './api-error.js';
import { AMOUNT_MAX, NOTIONAL_MAX } from './exchange-info.js';

/**
 * Reads an order from request parameters. `referencePrice` values a market order for the notional filter. Throws the
 * exchange's own refusal for anything that does not fit.
 */
export function readNewOrder(
  params: URLSearchParams,
  instrument: Instrument,
  referencePrice: Decimal,
  freshId: () => string,
): NewOrder {
  const type = oneOf(params.get('type'), ORDER_TYPES, refusals.badType);
  const side = oneOf(params.get('side'), ['BUY', 'SELL'] as const, refusals.badSide);
  const timeInForce =
    type === 'LIMIT' || type === 'STOP_LOSS_LIMIT'
      ? oneOf(params.get('timeInForce'), ['GTC', 'IOC', 'FOK'] as const, refusals.badTimeInForce)
      : 'GTC';
  const clientOrderId = params.get('newClientOrderId') ?? freshId();
  if (!/^[a-zA-Z0-9-_]{1,36}$/.test(clientOrderId)) throw refusals.illegal('newClientOrderId');
  const amount = positive(params, 'quantity');
  const price = type === 'MARKET' || type === 'STOP_LOSS' ? undefined : positive(params, 'price');
  const trigger = type.startsWith('STOP_LOSS') ? positive(params, 'stopPrice') : undefined;
  checkFilters(instrument, amount, price, trigger ?? referencePrice);
  if (trigger && !onStep(trigger, instrument.priceTick)) throw refusals.filter('PRICE_FILTER');
  return {
    clientOrderId,
    side: side === 'BUY' ? 'buy' : 'sell',
    type,
    timeInForce,
    amount,
    ...(price && { price }),
    ...(trigger && { trigger }),
  };
}

function checkFilters(
  instrument: Instrument,
  amount: Decimal,
  price: Decimal | undefined,
  referencePrice: Decimal,
): void {
  if (amount.lt(instrument.amountMin) || amount.gt(AMOUNT_MAX) || !onStep(amount, instrument.amountStep)) {
    throw refusals.filter('LOT_SIZE');
  }
  if (price && (price.lt(instrument.priceTick) || !onStep(price, instrument.priceTick))) {
    throw refusals.filter('PRICE_FILTER');
  }
  const notional = amount.times(price ?? referencePrice);
  if (notional.lt(instrument.notionalMin) || (price && notional.gt(NOTIONAL_MAX))) {
    throw refusals.filter('NOTIONAL');
  }
}

function onStep(value: Decimal, step: string): boolean {
  return value.mod(step).eq(0);
}

function positive(params: URLSearchParams, name: string): Decimal {
  const given = params.get(name);
  if (!given) throw refusals.missing(name);
  if (!/^\d{1,20}(\.\d{1,20})?$/.test(given)) throw refusals.illegal(name);
  const value = decimal(given);
  if (value.lte(0)) throw refusals.missing(name);
  return value;
}

function oneOf<T extends string>(given: string | null, allowed: readonly T[], refusal: () => Error): T {
  const found = allowed.find((value) => value === given);
  if (found === undefined) throw refusal();
  return found;
}
