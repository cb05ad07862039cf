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
export class TraderSession {
  readonly #silenceMs: number;
  readonly #nowMs: () => number;
  readonly #events: TraderSessionEvents;
  #current: Current | null = null;
  #everSeen = false;

  constructor(silenceMs: number, nowMs: () => number, events: TraderSessionEvents) {
    this.#silenceMs = silenceMs;
    this.#nowMs = nowMs;
    this.#events = events;
  }

  attach(connection: TraderConnection): TraderEnd {
    if (this.#current?.alive) {
      // Two traders must not run; the one that is alive keeps the line.
      connection.close();
      return { receive() {}, closed() {} };
    }
    this.#current?.connection.close();
    const session: Current = { connection, greeted: false, alive: false, lastBeatMs: this.#nowMs() };
    this.#current = session;
    return {
      receive: (message) => {
        if (this.#current === session) this.#receive(session, message);
      },
      closed: () => {
        if (this.#current !== session) return;
        this.#current = null;
        this.#lose(session);
      },
    };
  }

  /** False when nobody is there to take it. */
  send(message: GuardMessage): boolean {
    if (!this.#current?.alive) return false;
    this.#current.connection.send(message);
    return true;
  }

  /** Looks whether the trader has fallen silent. */
  tick(atMs: number): void {
    const current = this.#current;
    if (current?.alive && current.connection.beats && atMs - current.lastBeatMs > this.#silenceMs)
      this.#lose(current);
  }

  status(): TraderStatus {
    const current = this.#current;
    return {
      present: current?.alive ?? false,
      everSeen: this.#everSeen,
      pid: current?.greeted ? current.connection.pid : null,
    };
  }

  close(): void {
    this.#current?.connection.close();
    this.#current = null;
  }

  #receive(session: Current, message: TraderMessage): void {
    if (message.type === 'hello') {
      session.greeted = true;
      this.#revive(session);
      return;
    }
    if (message.type === 'halt') {
      this.#events.haltWanted(message.detail);
      return;
    }
    // Nothing counts before the hello, and whatever a silent trader says on waking first makes it arrive again.
    if (!session.greeted) return;
    this.#revive(session);
    if (message.type === 'ack') this.#events.acknowledged(message.epoch);
    else if (message.type === 'reconciled') this.#events.reconciled(message.epoch);
    else if (message.type === 'canceled') {
      const { epoch, confirmed, openOrders, detail } = message;
      this.#events.canceled(epoch, { confirmed, openOrders, detail });
    }
  }

  #revive(session: Current): void {
    session.lastBeatMs = this.#nowMs();
    if (session.alive) return;
    session.alive = true;
    this.#everSeen = true;
    this.#events.arrived();
  }

  #lose(session: Current): void {
    if (!session.alive) return;
    session.alive = false;
    this.#events.lost();
  }
}
