import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { CREATE_PORTS } from '../../core/create-ports.js';
import type { DenialReason } from '../../core/order.js';
import { type CreateAttempt, CreateDenied } from './create-attempt.js';
import { ConnectionGone, CreateConnection } from './create-connection.js';
import type { CreateRoute } from './create-socket.js';

/** How often a create under way is asked whether it still may be. With the reset it must stay well below 60 ms. */
const CHECK_MS = 20;
const CONNECT_MS_MAX = 10_000;
/** Some ports of the block stay free for connections that are made while others end. */
const CONNECTIONS_MAX = CREATE_PORTS - 8;
const BUSY_RETRY_MS = 5;
/** Connections that may be found closed before an order is written to one. */
const TRIES_MAX = 3;

/** A position that is being closed may be closed by the very order that is asked about: that is no reason to end it. */
function endsWhatIsUnderWay(reason: DenialReason | null): reason is DenialReason {
  return reason !== null && reason !== 'state_reducing';
}

/**
 * The connections that create requests leave by; no other request shares them, so that resetting one never delays a cancel.
 * A create's leave is asked when its connection stands and its bytes are about to be written, and again while it is under
 * way: once it is taken back the connection is reset, and what the kernel has not sent or would send again goes with it.
 */
export class CreateConnections {
  #connections: CreateConnection[] = [];
  readonly #underWay = new Set<() => void>();
  #learned: CreateRoute | null = null;
  #createsGo: CreateRoute | null = null;

  /** What undici is to send this create by, in place of ccxt's own connections. */
  dispatcherOf(
    attempt: CreateAttempt,
    route: CreateRoute,
    timeout?: AbortSignal,
  ): Pick<Dispatcher, 'dispatch'> {
    this.#createsGo = route;
    return {
      dispatch: (options, handler) => {
        void this.#send(attempt, route, options, handler, timeout);
        return true;
      },
    };
  }

  /** Makes a connection ahead where none of this epoch is idle; it carries nothing until an order is sent. */
  warm(epoch: number): void {
    const route = this.#createsGo ?? this.#learned;
    if (route === null || this.#idle(route, epoch) !== undefined || this.#isFull) return;
    this.#open(route, epoch)
      .ready(AbortSignal.timeout(CONNECT_MS_MAX))
      // The order that needs it makes its own, and says why that fails.
      .catch(() => undefined);
  }

  /** Where connections are made to ahead, until a create has shown it. */
  learn(route: CreateRoute): void {
    this.#learned = route;
  }

  /** The guard has called a halt: every create is asked now, and connections that carry nothing are closed. */
  recheck(): void {
    for (const check of [...this.#underWay]) check();
    for (const connection of [...this.#connections]) {
      if (!connection.busy) connection.reset(new ConnectionGone());
    }
  }

  get #isFull(): boolean {
    return this.#connections.length >= CONNECTIONS_MAX;
  }

  #open(route: CreateRoute, epoch: number): CreateConnection {
    const connection = new CreateConnection(route, epoch, AbortSignal.timeout(CONNECT_MS_MAX));
    this.#connections.push(connection);
    connection.closed.then(() => {
      this.#connections = this.#connections.filter((other) => other !== connection);
    });
    return connection;
  }

  /** One that stands or is being made, of this epoch; idle ones of any other are reset. */
  #idle(route: CreateRoute, epoch: number): CreateConnection | undefined {
    for (const connection of this.#connections) {
      if (!connection.busy && connection.epoch !== epoch) connection.reset(new ConnectionGone());
    }
    return this.#connections.find(
      (connection) => !connection.busy && connection.usable && connection.goesTo(route),
    );
  }

  async #take(route: CreateRoute, epoch: number, signal: AbortSignal): Promise<CreateConnection> {
    for (;;) {
      signal.throwIfAborted();
      const found = this.#idle(route, epoch) ?? (this.#isFull ? undefined : this.#open(route, epoch));
      if (found !== undefined) {
        found.busy = true;
        return found;
      }
      await delay(BUSY_RETRY_MS, undefined, { signal });
    }
  }

  async #send(
    attempt: CreateAttempt,
    route: CreateRoute,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    timeout: AbortSignal | undefined,
  ): Promise<void> {
    const denied = new AbortController();
    const signal = timeout ? AbortSignal.any([denied.signal, timeout]) : denied.signal;
    let connection: CreateConnection | undefined;
    const check = () => {
      const reason = attempt.mayLeave();
      if (!endsWhatIsUnderWay(reason)) return;
      const denial = new CreateDenied(reason);
      denied.abort(denial);
      connection?.reset(denial);
    };
    const watch = setInterval(check, CHECK_MS);
    this.#underWay.add(check);
    try {
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        connection = await this.#take(route, attempt.epoch, signal);
        try {
          await connection.ready(signal);
          if (await connection.send(attempt, options, handler)) return;
        } finally {
          connection.busy = false;
        }
      }
      throw new ConnectionGone();
    } catch (error) {
      handler.onError?.(signal.aborted ? signal.reason : (error as Error));
    } finally {
      clearInterval(watch);
      this.#underWay.delete(check);
    }
  }
}
