import type { Clock } from '../../ports/time.js';
import type { CcxtExchange } from './ccxt-module.js';

/** Where an exchange's requests are: in ccxt's own line, which its rate limit makes, or on the wire. */
export interface RequestLine {
  /** Whether a request has been on the wire for so long while none waits in line: asking once more then holds nothing up. */
  hangs(forMs: number): boolean;
}

export function watchRequestLine(api: CcxtExchange, clock: Pick<Clock, 'monotonicMs'>): RequestLine {
  let inLine = 0;
  const onWire = new Set<{ readonly sinceMs: number }>();
  const [throttle, fetch] = [api.throttle.bind(api), api.fetch.bind(api)];
  api.throttle = async (cost) => {
    inLine++;
    try {
      await throttle(cost);
    } finally {
      inLine--;
    }
  };
  api.fetch = async (...request) => {
    const mine = { sinceMs: clock.monotonicMs() };
    onWire.add(mine);
    try {
      return await fetch(...request);
    } finally {
      onWire.delete(mine);
    }
  };
  return {
    hangs(forMs) {
      const nowMs = clock.monotonicMs();
      return inLine === 0 && [...onWire].some(({ sinceMs }) => nowMs - sinceMs >= forMs);
    },
  };
}
