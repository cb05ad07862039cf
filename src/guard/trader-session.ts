import type { CancelOutcome, GuardMessage, TraderMessage } from '../core/guard-link.js';

/** One trader's end of the line. `beats` is false where it shares the guard's event loop and cannot fall silent alone. */
export interface TraderConnection {
  readonly beats: boolean;
  /** The process at the other end, by the kernel's word; null where nobody knows, or where it is the guard's own. */
  readonly pid: number | null;
  send(message: GuardMessage): void;
  close(): void;
}

/** What a connection hands over to the guard. */
export interface TraderEnd {
  receive(message: TraderMessage): void;
  closed(): void;
}

export interface TraderSession {
  attach(connection: TraderConnection): TraderEnd;
  /** False when nobody is there to take it. */
  send(message: GuardMessage): boolean;
  /** Looks whether the trader has fallen silent. */
  tick(nowMs: number): void;
  status(): TraderStatus;
  close(): void;
}

export interface TraderStatus {
  /** Connected, and its beats arrive. */
  readonly present: boolean;
  readonly everSeen: boolean;
  /** null where there is none, where it is the guard's own process, or where nobody knows it. */
  readonly pid: number | null;
}

export interface TraderSessionEvents {
  arrived(): void;
  lost(): void;
  acknowledged(epoch: number): void;
  canceled(epoch: number, outcome: CancelOutcome): void;
  reconciled(epoch: number): void;
  haltWanted(detail: string): void;
}

interface Current {
  readonly connection: TraderConnection;
  /** It has said hello. */
  greeted: boolean;
  alive: boolean;
  lastBeatMs: number;
}

/** Keeps the one trader the guard speaks to. `silenceMs` without a beat counts as lost; so does a closed line, at once. */
export function createTraderSession(
  silenceMs: number,
  nowMs: () => number,
  events: TraderSessionEvents,
): TraderSession {
  let current: Current | null = null;
  let everSeen = false;

  const lose = (session: Current) => {
    if (!session.alive) return;
    session.alive = false;
    events.lost();
  };
  const revive = (session: Current) => {
    session.lastBeatMs = nowMs();
    if (session.alive) return;
    session.alive = true;
    everSeen = true;
    events.arrived();
  };
  const hear = (session: Current, message: TraderMessage) => {
    if (message.type === 'hello') {
      session.greeted = true;
      revive(session);
      return;
    }
    if (message.type === 'halt') {
      events.haltWanted(message.detail);
      return;
    }
    // Nothing counts before the hello, and whatever a silent trader says on waking first makes it arrive anew.
    if (!session.greeted) return;
    revive(session);
    if (message.type === 'ack') events.acknowledged(message.epoch);
    else if (message.type === 'reconciled') events.reconciled(message.epoch);
    else if (message.type === 'canceled') {
      const { epoch, confirmed, openOrders, detail } = message;
      events.canceled(epoch, { confirmed, openOrders, detail });
    }
  };

  return {
    attach(connection) {
      if (current?.alive) {
        // Two traders must not run; the one that is alive keeps the line.
        connection.close();
        return { receive() {}, closed() {} };
      }
      current?.connection.close();
      const session: Current = { connection, greeted: false, alive: false, lastBeatMs: nowMs() };
      current = session;
      return {
        receive(message) {
          if (current === session) hear(session, message);
        },
        closed() {
          if (current !== session) return;
          current = null;
          lose(session);
        },
      };
    },
    send(message) {
      if (!current?.alive) return false;
      current.connection.send(message);
      return true;
    },
    tick(atMs) {
      if (current?.alive && current.connection.beats && atMs - current.lastBeatMs > silenceMs) lose(current);
    },
    status() {
      return {
        present: current?.alive ?? false,
        everSeen,
        pid: current?.greeted ? current.connection.pid : null,
      };
    },
    close() {
      current?.connection.close();
      current = null;
    },
  };
}
