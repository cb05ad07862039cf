/** Splits `BTC/USDT` or `BTC/USDT:USDT` into base and quote. */
export function currenciesOf(symbol: string): { readonly base: string; readonly quote: string } {
  const [pair = ''] = symbol.split(':');
  const [base = '', quote = ''] = pair.split('/');
  return { base, quote };
}
