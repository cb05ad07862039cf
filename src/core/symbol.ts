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

/** A currency's name holds no separator of a symbol, of a source or of an MQTT topic; a quote's has no small letters. */
const BASE = '[^\\s\\p{Cc}/:=,#"]+';
const QUOTE = '[^\\s\\p{Cc}/:=,#"a-z-]+';
const SYMBOL = new RegExp(`^${BASE}/${QUOTE}(:${QUOTE}(-\\d{6}(-[\\d.]+-[CP])?)?)?$`, 'u');

/**
 * Whether a text has the form in which ccxt names a market: `BTC/USDT`, `kPEPE/USDC:USDC`, `币安人生/USDT`. The one rule for
 * symbols wherever one is named: in the configuration, in options, in sources of candles.
 */
export function isSymbol(text: string): boolean {
  return SYMBOL.test(text);
}

export const SYMBOL_EXPECTED = 'expected ccxt form, as in "BTC/USDT" or "BTC/USDT:USDT"';

export function isDerivative(symbol: string): boolean {
  return currenciesOf(symbol).settle !== null;
}
