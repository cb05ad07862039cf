import type { Clock } from '../../ports/time.js';
import type { CcxtExchange } from './ccxt-module.js';

/** The lines that ccxt's streams come over. They are open at first. */
export interface StreamLines {
  /** Lets ccxt make lines again. */
  open(): void;
  /** Closes those that stand, and lets ccxt make none. A line that does not answer the closing frame is cut. */
  close(): Promise<void>;
}

const CLOSE_MS_MAX = 1000;

/**
 * ccxt makes a line wherever a watch needs one, also when it was closed while that watch still signed in or waited before it
 * dialled again. Such a line has nobody who ends it, and holds the process of a trader that was stopped.
 */
export function streamLines(api: CcxtExchange, clock: Pick<Clock, 'sleep'>): StreamLines {
  let isOpen = true;
  const client = api.client.bind(api);
  api.client = (url) => {
    if (!isOpen) throw new Error('the streams of this exchange are closed');
    const isNew = api.clients[url] === undefined;
    const made = client(url);
    if (!isNew) return made;
    const dial = made.createConnection.bind(made);
    // ccxt forgets a client that it closes.
    made.createConnection = () => {
      if (api.clients[url] === made) dial();
    };
    return made;
  };
  return {
    open() {
      isOpen = true;
    },
    async close() {
      isOpen = false;
      const sockets = Object.values(api.clients);
      const waiting = new AbortController();
      await Promise.race([
        api.close().catch(() => undefined),
        clock.sleep(CLOSE_MS_MAX, waiting.signal).then(
          () => {
            for (const { connection } of sockets) connection?.terminate?.();
          },
          () => undefined,
        ),
      ]);
      waiting.abort();
    },
  };
}
