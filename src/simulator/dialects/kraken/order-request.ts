import { type Decimal, decimal } from '../../../core/money.js';
import type { Instrument } from '../../instrument.js';
import type { NewOrder, OrderType } from '../../new-order.js';
import { isClOrdId } from './ids.js';
import { errors, KrakenError } from './kraken-error.js';
import { placesOf } from './names.js';

/** What the simulator reads of an AddOrder; anything else is refused, so that nothing is swallowed in silence. */
const KNOWN = new Set([
  ...['nonce', 'pair', 'type', 'ordertype', 'volume', 'price', 'price2', 'cl_ord_id', 'userref', 'oflags'],
  ...['timeinforce', 'deadline', 'validate', 'trigger'],
]);

const TYPES: Readonly<Record<string, OrderType>> = {
  market: 'MARKET',
  limit: 'LIMIT',
  'stop-loss': 'STOP_LOSS',
  'stop-loss-limit': 'STOP_LOSS_LIMIT',
};

/** An order without a client order id of its own has one that cannot be given, and is not shown. */
export const UNNAMED = '\u0000';

/** Reads an order. https://docs.kraken.com/api-reference/trading/add-order */
export function readNewOrder(
  params: URLSearchParams,
  instrument: Instrument,
  referencePrice: Decimal,
  count: number,
): NewOrder {
  for (const name of params.keys()) {
    if (!KNOWN.has(name)) throw new KrakenError(`EGeneral:Invalid arguments:${name} (not simulated)`);
  }
  const kind = TYPES[params.get('ordertype') ?? ''];
  const side = params.get('type');
  if (kind === undefined) throw errors.invalid('ordertype');
  if (side !== 'buy' && side !== 'sell') throw errors.invalid('type');
  const flags = (params.get('oflags') ?? '').split(',').filter((flag) => flag !== '');
  if (flags.some((flag) => !['fciq', 'fcib', 'post', 'nompp'].includes(flag))) throw errors.invalid('oflags');
  const type = kind === 'LIMIT' && flags.includes('post') ? 'LIMIT_MAKER' : kind;
  const timeInForce = params.get('timeinforce') ?? 'GTC';
  if (timeInForce !== 'GTC' && timeInForce !== 'IOC' && timeInForce !== 'FOK')
    throw errors.invalid('timeinforce');
  const isStop = type.startsWith('STOP_LOSS');
  const first = type === 'MARKET' ? undefined : figure(params, 'price');
  const price = type === 'STOP_LOSS_LIMIT' ? figure(params, 'price2') : isStop ? undefined : first;
  const trigger = isStop ? first : undefined;
  const amount = figure(params, 'volume');
  checkRules(instrument, amount, [price, trigger], price ?? trigger ?? referencePrice);
  return {
    clientOrderId: clientOrderIdOf(params, count),
    side,
    type,
    timeInForce,
    amount,
    ...(price && { price }),
    ...(trigger && { trigger }),
    feeIn: flags.includes('fcib') ? 'base' : 'quote',
  };
}

/** Names an open order by the client, and not beside a `userref`. */
function clientOrderIdOf(params: URLSearchParams, count: number): string {
  const given = params.get('cl_ord_id');
  if (given === null) return `${UNNAMED}${count}`;
  if (params.has('userref') || !isClOrdId(given)) throw errors.invalid('cl_ord_id');
  return given;
}

function checkRules(
  { priceTick, amountStep, amountMin, notionalMin }: Instrument,
  amount: Decimal,
  prices: readonly (Decimal | undefined)[],
  worth: Decimal,
): void {
  for (const price of prices) {
    if (price === undefined) continue;
    if (!price.round(placesOf(priceTick)).eq(price)) throw errors.price();
    if (!price.mod(priceTick).eq(0)) throw errors.tick();
  }
  if (!amount.mod(amountStep).eq(0)) throw errors.invalid('volume');
  if (amount.lt(amountMin)) throw errors.minimum();
  if (amount.times(worth).lt(notionalMin)) throw errors.cost();
}

function figure(params: URLSearchParams, name: string): Decimal {
  const given = params.get(name) ?? '';
  if (!/^\d{1,20}(\.\d{1,20})?$/.test(given)) throw errors.invalid(name);
  const value = decimal(given);
  if (value.lte(0)) throw errors.invalid(name);
  return value;
}
