import type { ConnectedExchange } from './exchange.js';

/** What an exchange's own dead man's switch does, by its documentation. */
export interface SwitchTerms {
  /** How long it may be set to run. */
  readonly secondsMin: number;
  readonly secondsMax: number;
  /** A stop that rests goes too: then it may not run beside protective stops. Where the exchange does not say, it counts as so. */
  readonly cancelsStops: boolean;
  /** What it cancels, in words. */
  readonly cancels: string;
}

/**
 * Exchanges whose switch is a countdown that each call winds up again. Left out of those that ccxt calls so: bybit (a setting
 * for lost stream connections, no countdown), bitvavo (only orders of a group that ours are not in), htx and hyperliquid
 * (cannot be wound down through ccxt, or only so many times a day), lighter (five minutes at least, cannot be wound down).
 */
export const DEAD_MANS_SWITCHES: Readonly<Record<string, SwitchTerms>> = {
  bingx: {
    secondsMin: 10,
    secondsMax: 120,
    cancelsStops: true,
    cancels: 'all open orders of spot, or of swaps',
  },
  btse: {
    secondsMin: 10,
    secondsMax: 300,
    cancelsStops: true,
    cancels: 'all open orders of spot, or of futures',
  },
  extended: {
    secondsMin: 10,
    secondsMax: 300,
    cancelsStops: true,
    cancels: 'all open orders of the account',
  },
  kraken: {
    secondsMin: 10,
    secondsMax: 86_400,
    cancelsStops: true,
    cancels: 'all open orders of the account, stops too',
  },
  krakenfutures: {
    secondsMin: 10,
    secondsMax: 86_400,
    cancelsStops: true,
    cancels: 'all open orders of the account, stops too',
  },
  okx: {
    secondsMin: 10,
    secondsMax: 120,
    cancelsStops: false,
    cancels: 'all open orders of the order book; stops and other algo orders stay',
  },
  whitebit: {
    secondsMin: 5,
    secondsMax: 600,
    cancelsStops: true,
    cancels: 'all open orders of the market, set for each',
  },
  woo: {
    secondsMin: 10,
    secondsMax: 900,
    cancelsStops: true,
    cancels: 'all open orders of the account, stops too',
  },
};

/** The switch of one exchange: it cancels by itself what rests there once nobody has wound it up for the time given. */
export interface DeadMansSwitch {
  readonly terms: SwitchTerms;
  /** Winds it up anew. Rejects where the exchange does not confirm. */
  wind(seconds: number): Promise<void>;
  /** Takes it off: nothing is cancelled by itself any more. */
  off(): Promise<void>;
}

/** Null where the exchange has none, or none that fits: see {@link DEAD_MANS_SWITCHES}. */
export function createDeadMansSwitch(
  { id, api }: ConnectedExchange,
  symbols: readonly string[],
): DeadMansSwitch | null {
  const terms = DEAD_MANS_SWITCHES[id];
  if (terms === undefined || api.has.cancelAllOrdersAfter !== true) return null;
  const set = async (milliseconds: number) => {
    if (id !== 'whitebit') await api.cancelAllOrdersAfter(milliseconds, {});
    else for (const symbol of symbols) await api.cancelAllOrdersAfter(milliseconds, { symbol });
  };
  return {
    terms,
    wind: (seconds) => set(Math.min(terms.secondsMax, Math.max(terms.secondsMin, seconds)) * 1000),
    off: () => set(0),
  };
}
