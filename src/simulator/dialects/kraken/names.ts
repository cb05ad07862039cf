import type { Instrument } from '../../instrument.js';

/** Assets that keep the prefix of Kraken's first years: X for coins, Z for money of states. Newer ones have none. */
const PREFIXED: Readonly<Record<string, string>> = {
  ...{ BTC: 'XXBT', ETH: 'XETH', LTC: 'XLTC', XRP: 'XXRP', XLM: 'XXLM', XMR: 'XXMR', ZEC: 'XZEC' },
  ...{ ETC: 'XETC', DOGE: 'XXDG', MLN: 'XMLN', REP: 'XREP' },
  ...{ USD: 'ZUSD', EUR: 'ZEUR', GBP: 'ZGBP', JPY: 'ZJPY', CAD: 'ZCAD', AUD: 'ZAUD' },
};
const ALTNAMES: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' };

/** Kraken's own name of an asset, as in `XXBT`. */
export function assetId(code: string): string {
  return PREFIXED[code] ?? code;
}

/** Its everyday name, as in `XBT`. */
export function altname(code: string): string {
  return ALTNAMES[code] ?? code;
}

/** As in `XXBTZUSD` where both sides have a prefix, and `XBTUSDT` elsewhere. */
export function pairId({ base, quote }: Instrument): string {
  const prefixed = base in PREFIXED && quote in PREFIXED;
  return prefixed ? assetId(base) + assetId(quote) : altname(base) + altname(quote);
}

export function pairAltname({ base, quote }: Instrument): string {
  return altname(base) + altname(quote);
}

/** The name that the first version of the streams used, as in `XBT/USD`. */
export function pairWsname({ base, quote }: Instrument): string {
  return `${altname(base)}/${altname(quote)}`;
}

/** Digits that the ledger keeps of an asset. */
export function assetDecimals(code: string): number {
  const id = assetId(code);
  if (id.startsWith('Z')) return 4;
  return id.startsWith('X') && id.length === 4 ? 10 : 8;
}

/** Digits of a pair's cost: one more than what money of states is kept to. */
export function costDecimals({ quote }: Instrument): number {
  return assetId(quote).startsWith('Z') || quote.startsWith('USD') ? 5 : 8;
}

export function placesOf(step: string): number {
  return step.includes('.') ? step.replace(/0+$/, '').split('.')[1]!.length : 0;
}
