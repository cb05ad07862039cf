import { statSync } from 'node:fs';
import type { Declined } from '../adapters/control-socket/declined.js';
import type { Peer } from '../adapters/control-socket/peer.js';
import { userOf } from '../adapters/control-socket/person.js';
import type { TraderAcceptor } from '../adapters/guard-link/server.js';
import type { Guard } from './guard.js';
import { killMarked, markProcess, type ProcessMark } from './kill-trader.js';
import type { TraderEnd } from './trader-session.js';

/** Where traders come in: lets in the trader's user alone, and knows each process by what the kernel says of it. */
export class TraderDoor {
  readonly #stateDir: string;
  readonly #declined: Declined;
  /** One for each open connection. */
  readonly #marks = new Set<ProcessMark>();

  /** `stateDir` is the trader's folder: whose it is, is the trader. */
  constructor(stateDir: string, declined: Declined) {
    this.#stateDir = stateDir;
    this.#declined = declined;
  }

  acceptFor(guard: Pick<Guard, 'attachTrader'>): TraderAcceptor {
    return { attachTrader: (connection) => this.#accept(guard, connection) };
  }

  /** Ends the process of a trader that came in here; returns what was done, in words. */
  kill(pid: number): string {
    return killMarked(
      [...this.#marks].find((mark) => mark.pid === pid),
      pid,
    );
  }

  #accept(
    guard: Pick<Guard, 'attachTrader'>,
    connection: Parameters<TraderAcceptor['attachTrader']>[0],
  ): TraderEnd {
    const { peer } = connection;
    if (peer !== null && !mayBeTrader(peer, this.#stateDir)) {
      const who = `process ${peer.pid} of ${userOf(peer)}`;
      this.#declined.report('trader', `${who} is not of the trader's user and may not be the trader`);
      connection.close();
      return { receive() {}, closed() {} };
    }
    const mark = peer === null ? undefined : markProcess(peer.pid);
    const end = guard.attachTrader({ ...connection, pid: mark?.pid ?? null });
    if (mark !== undefined) this.#marks.add(mark);
    return {
      receive: (message) => {
        if (message.type === 'hello' && mark !== undefined && message.pid !== mark.pid) {
          const who = `process ${mark.pid} of ${userOf(peer!)}`;
          const detail = `${who} called itself process ${message.pid}: it is taken for what it is`;
          this.#declined.report('process_id', detail);
        }
        end.receive(message);
      },
      closed: () => {
        if (mark !== undefined) this.#marks.delete(mark);
        end.closed();
      },
    };
  }
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
