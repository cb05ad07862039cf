import { statSync } from 'node:fs';
import type { Declined } from '../adapters/control-socket/declined.js';
import type { Peer } from '../adapters/control-socket/peer.js';
import { userOf } from '../adapters/control-socket/person.js';
import type { TraderAcceptor } from '../adapters/guard-link/server.js';
import type { Guard } from './guard.js';
import { killMarked, markProcess, type ProcessMark } from './kill-trader.js';

/** Where traders come in: lets in the trader's user alone, and knows each process by what the kernel says of it. */
export interface TraderDoor {
  acceptFor(guard: Pick<Guard, 'attachTrader'>): TraderAcceptor;
  /** Ends the process of a trader that came in here; returns what was done, in words. */
  kill(pid: number): string;
}

/** `stateDir` is the trader's folder: whose it is, is the trader. */
export function createTraderDoor(stateDir: string, declined: Declined): TraderDoor {
  /** One for each open connection. */
  const marks = new Set<ProcessMark>();
  return {
    acceptFor: (guard) => ({
      attachTrader(connection) {
        const { peer } = connection;
        if (peer !== null && !mayBeTrader(peer, stateDir)) {
          declined.report(
            'trader',
            `process ${peer.pid} of ${userOf(peer)} is not of the trader's user and may not be the trader`,
          );
          connection.close();
          return { receive() {}, closed() {} };
        }
        const mark = peer === null ? undefined : markProcess(peer.pid);
        const end = guard.attachTrader({ ...connection, pid: mark?.pid ?? null });
        if (mark !== undefined) marks.add(mark);
        return {
          receive(message) {
            if (message.type === 'hello' && mark !== undefined && message.pid !== mark.pid) {
              declined.report(
                'process_id',
                `process ${mark.pid} of ${userOf(peer!)} called itself process ${message.pid}: it is taken for what it is`,
              );
            }
            end.receive(message);
          },
          closed() {
            if (mark !== undefined) marks.delete(mark);
            end.closed();
          },
        };
      },
    }),
    kill: (pid) =>
      killMarked(
        [...marks].find((mark) => mark.pid === pid),
        pid,
      ),
  };
}

/**
 * The owner of the trader's folder, or root, may be the trader. Where the folder is not there yet, or is root's, nobody
 * knows who the trader is, as where a guard is tried by hand.
 */
function mayBeTrader({ uid }: Peer, stateDir: string): boolean {
  let owner: number | undefined;
  try {
    owner = statSync(stateDir, { throwIfNoEntry: false })?.uid;
  } catch {
    // A folder that cannot be looked at tells of no owner.
  }
  return owner === undefined || owner === 0 || uid === 0 || uid === owner;
}
