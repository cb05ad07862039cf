/** How much may be asked of the exchange. Unlimited where nothing is said; what is used is counted and told all the same. */
export interface LimitSettings {
  /** Binance: request weight in a minute, of everybody at this address. */
  readonly weightPerMinute: number;
  /** Binance: new orders of an account in ten seconds. */
  readonly ordersPer10s: number;
  /** Requests that are refused, within a minute, before the address (Binance) or the key (Kraken) is locked out. */
  readonly refusalsBeforeBan: number;
  readonly banMs: number;
  /** Kraken: the tier of verification that the call counter and the trading limits go by. */
  readonly tier: 'starter' | 'intermediate' | 'pro';
}
