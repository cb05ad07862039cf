import type { ConnectedExchange } from './exchange.js';

/** Whether ccxt can place limit orders on this market whose rest is cancelled at once. Markets must have been loaded. */
export function takesImmediateOrCancel({ api }: ConnectedExchange, symbol: string): boolean {
  const kinds = api.featureValue(symbol, 'createOrder', 'timeInForce') as
    | { IOC?: unknown }
    | null
    | undefined;
  return kinds?.IOC === true;
}

/**
 * Whether ccxt can place a stop at market here that stays one order under one id: where stops have lists of their own, what
 * they turn into at the trigger bears another id, and could not be told from a stranger's order.
 */
export function takesProtectiveStops({ api }: ConnectedExchange, symbol: string): boolean {
  // Away at the start: the broker is asked again with the markets there.
  if (api.markets?.[symbol] === undefined) return false;
  if (api.featureValue(symbol, 'createOrder', 'stopLossPrice') !== true) return false;
  return ['fetchOrder', 'fetchOpenOrders'].every(
    (method) => api.featureValue(symbol, method, 'trigger') !== true,
  );
}
