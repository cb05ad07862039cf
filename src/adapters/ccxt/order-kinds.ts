import type { ConnectedExchange } from './exchange.js';

/** Whether ccxt can place limit orders on this market whose rest is cancelled at once. Markets must have been loaded. */
export function takesImmediateOrCancel({ api }: ConnectedExchange, symbol: string): boolean {
  const kinds = api.featureValue(symbol, 'createOrder', 'timeInForce') as
    | { IOC?: unknown }
    | null
    | undefined;
  return kinds?.IOC === true;
}
