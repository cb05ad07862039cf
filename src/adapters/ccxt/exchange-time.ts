import type { ConnectedExchange } from './exchange.js';

/** A slower answer says too little: its error may be half of it. */
const ROUND_TRIP_MS_MAX = 1500;

/**
 * The exchange's clock less ours in milliseconds, by the middle of the request (as in NTP, RFC 5905 §8); null where the
 * exchange tells no time or the answer took too long to mean anything. Rejects when it cannot be asked.
 */
export async function exchangeOffsetMs({
  api,
  clock,
  dialect,
}: Pick<ConnectedExchange, 'api' | 'clock' | 'dialect'>): Promise<number | null> {
  if (api.has.fetchTime !== true) return null;
  const sentMs = clock.wallMs();
  const startMs = clock.monotonicMs();
  const theirs = await api.fetchTime();
  const roundTripMs = clock.monotonicMs() - startMs;
  if (theirs === undefined || roundTripMs > ROUND_TRIP_MS_MAX) return null;
  // The second has begun up to a second ago: its middle is the best guess.
  const middle = dialect.wholeSeconds && theirs % 1000 === 0 ? theirs + 500 : theirs;
  return middle - (sentMs + roundTripMs / 2);
}
