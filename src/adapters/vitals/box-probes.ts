import { type ConnectedExchange, exchangeOffsetMs } from '../ccxt/index.js';
import { isTimeSynchronised, type TimeSyncCheck } from '../clock/time-sync.js';
import { freeSpace } from './free-space.js';

export interface BoxProbeOptions {
  readonly connection: ConnectedExchange;
  /** The exchange is simulated and the box lives in its time: there is nothing to compare. */
  readonly ownTime: boolean;
  readonly check: TimeSyncCheck;
  readonly stateDir: string;
}

/** Measures what the box must have before it trades: its clock, and room on the disk of its database. */
export function createBoxProbes({ connection, ownTime, check, stateDir }: BoxProbeOptions) {
  // An exchange that tells no time leaves only the synchronisation to go by.
  const comparable = !ownTime && connection.api.has.fetchTime === true;
  return {
    synchronised: async () => ownTime || isTimeSynchronised(check),
    offsetMs: async () => (comparable ? exchangeOffsetMs(connection) : 0),
    disk: () => freeSpace(stateDir),
  };
}
