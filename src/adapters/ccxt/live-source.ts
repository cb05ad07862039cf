import { timeframeMs } from '../../core/timeframe.js';
import type { CcxtSocket, OhlcvRow } from './ccxt-module.js';
import type { ConnectedExchange } from './exchange.js';

/** Hands on updates of bars, oldest first, until `signal` aborts; rejects when the connection fails. */
export type LiveSource = (
  exchange: ConnectedExchange,
  symbol: string,
  timeframe: string,
  signal: AbortSignal,
  onRows: (rows: readonly OhlcvRow[]) => void,
) => Promise<void>;

const POLL_MS_MAX = 5000;

/**
 * Updates from ccxt's stream. `onRows` must return at once: while nobody waits in `watchOHLCV`, ccxt folds messages
 * into its cache without waking anybody.
 */
export const watchBars: LiveSource = async ({ api }, symbol, timeframe, signal, onRows) => {
  let connections: readonly CcxtSocket[] = [];
  for (let first = true; ; first = false) {
    const rows = await api.watchOHLCV(symbol, timeframe);
    if (signal.aborted) return;
    // ccxt dials again in silence when a line breaks while nobody waits; what it then holds may lack the last update.
    const current = Object.values(api.clients);
    if (connections.some((connection) => !current.includes(connection))) {
      throw new Error('the connection was replaced');
    }
    connections = current;
    // Of what is new ccxt gives as many rows from the end of its cache: where only the bar before the newest was told again,
    // that is the wrong row. So that one always comes along.
    const known = api.ohlcvs?.[symbol]?.[timeframe] ?? rows;
    // The cache may still hold an unfinished bar of an earlier connection: of the first rows only the newest counts.
    onRows(first ? rows.slice(-1) : known.slice(-Math.max(rows.length, 2)));
  }
};

/** Updates from REST, for an exchange without a stream. */
export const pollBars: LiveSource = async ({ api, clock }, symbol, timeframe, signal, onRows) => {
  const barMs = timeframeMs(timeframe);
  const periodMs = Math.min(POLL_MS_MAX, Math.max(250, barMs / 4));
  for (let first = true; !signal.aborted; first = false) {
    const rows = await api.fetchOHLCV(symbol, timeframe, clock.wallMs() - 3 * barMs);
    if (signal.aborted) return;
    onRows(first ? rows.slice(-1) : rows);
    await clock.sleep(periodMs, signal);
  }
};
