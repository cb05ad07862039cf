import type { SwitchTerms } from './dialects/dialect.js';
import type { ConnectedExchange } from './exchange.js';

/** The switch of one exchange: it cancels by itself what rests there once nobody has wound it up for the time given. */
export interface DeadMansSwitch {
  readonly terms: SwitchTerms;
  /** Winds it up again. Rejects where the exchange does not confirm. */
  wind(seconds: number): Promise<void>;
  /** Takes it off: nothing is cancelled by itself any more. */
  off(): Promise<void>;
}

/** Null where the exchange has none, or none that is a countdown which each call starts again. */
export function createDeadMansSwitch(
  { dialect, api }: Pick<ConnectedExchange, 'dialect' | 'api'>,
  symbols: readonly string[],
): DeadMansSwitch | null {
  const terms = dialect.deadMansSwitch;
  if (terms === null || api.has.cancelAllOrdersAfter !== true) return null;
  const set = async (milliseconds: number) => {
    if (terms.bySymbol !== true) await api.cancelAllOrdersAfter(milliseconds, {});
    else for (const symbol of symbols) await api.cancelAllOrdersAfter(milliseconds, { symbol });
  };
  return {
    terms,
    wind: (seconds) => set(Math.min(terms.secondsMax, Math.max(terms.secondsMin, seconds)) * 1000),
    off: () => set(0),
  };
}
