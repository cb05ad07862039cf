/** What a symbol in ccxt's form names: `BTC/USDT` spot, `BTC/USDT:USDT` a contract, settled in what follows the colon. */
export interface Currencies {
  readonly base: string;
  readonly quote: string;
  /** Null for spot. */
  readonly settle: string | null;
}

export function currenciesOf(symbol: string): Currencies {
  const [pair = '', contract] = symbol.split(':');
  const [base = '', quote = ''] = pair.split('/');
  // A contract that expires has its day behind a dash.
  return { base, quote, settle: contract?.split('-')[0] ?? null };
}

export function isDerivative(symbol: string): boolean {
  return currenciesOf(symbol).settle !== null;
}
