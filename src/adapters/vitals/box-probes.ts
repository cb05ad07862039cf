import { type ConnectedExchange, exchangeOffsetMs } from '../ccxt/index.js';
import { isTimeSynchronised, type TimeSyncCheck } from '../clock/time-sync.js';
import { freeSpace } from './free-space.js';

export interface BoxProbeOptions {
  readonly connections: readonly ConnectedExchange[];
  /** The exchange is simulated and the box lives in its time: there is nothing to compare. */
  readonly ownTime: boolean;
  readonly check: TimeSyncCheck;
  readonly stateDir: string;
}

/** Measures what the box must have before it trades: its clock, and room on the disk of its database. */
export function createBoxProbes({ connections, ownTime, check, stateDir }: BoxProbeOptions) {
  // An exchange that tells no time leaves only the synchronisation to go by.
  const comparable = ownTime ? [] : connections.filter(({ api }) => api.has.fetchTime === true);
  return {
    synchronised: async () => ownTime || isTimeSynchronised(check),
    offsetMs: async () => (comparable.length === 0 ? 0 : leastOffsetMs(comparable)),
    disk: () => freeSpace(stateDir),
  };
}

/** A slower answer says nothing of the time, and must not hold up those of the other exchanges. */
const ANSWER_MS_MAX = 2000;

/**
 * The offset to the exchange that agrees best with this machine: where one does, the clock is right, and it is the other
 * exchange's that is off. Null where none answered in time; rejects where none can be asked.
 */
async function leastOffsetMs(connections: readonly ConnectedExchange[]): Promise<number | null> {
  const waiting = new AbortController();
  const answers = await Promise.allSettled(
    connections.map((connection) =>
      Promise.race([
        exchangeOffsetMs(connection),
        connection.clock.sleep(ANSWER_MS_MAX, waiting.signal).then(() => null),
      ]),
    ),
  );
  waiting.abort();
  const told = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (told.length === 0) throw (answers[0] as PromiseRejectedResult).reason;
  return told.reduce(
    (least, ms) => (ms !== null && (least === null || Math.abs(ms) < Math.abs(least)) ? ms : least),
    null,
  );
}
