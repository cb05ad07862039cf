import type { Socket } from 'node:net';
import type { Client, Dispatcher } from 'undici';
import { invariant } from '../../core/errors.js';
import { type CreateAttempt, CreateDenied } from './create-attempt.js';
import { type CreateRoute, type CreateSocket, openCreateSocket } from './create-socket.js';

/** The connection ended before a byte of the request was written; another one may be tried. */
export class ConnectionGone extends Error {
  constructor() {
    super('the connection ended before the order was written');
    this.name = 'ConnectionGone';
  }
}

/** As ccxt's own connections: how long one is kept that nothing is sent on. */
const KEPT_MS = 60_000;

/** One connection for create requests: of one epoch, one request at a time, and never made again once it is closed. */
export class CreateConnection {
  readonly epoch: number;
  /** Resolves once it has ended, or could not be made. */
  readonly closed: Promise<void>;
  busy = false;
  readonly #route: CreateRoute;
  readonly #opening: Promise<Client>;
  readonly #ending = new AbortController();
  #raw: Socket | undefined;
  #client: Client | undefined;

  constructor(route: CreateRoute, epoch: number, timeout: AbortSignal) {
    this.#route = route;
    this.epoch = epoch;
    this.#opening = this.#open(AbortSignal.any([this.#ending.signal, timeout]));
    this.closed = this.#opening.then(
      () => new Promise((resolve) => (this.#raw!.destroyed ? resolve() : this.#raw!.once('close', resolve))),
      () => undefined,
    );
  }

  get usable(): boolean {
    return !this.#ending.signal.aborted && this.#raw?.destroyed !== true;
  }

  goesTo(route: CreateRoute): boolean {
    const mine = this.#route;
    return (
      route.origin === mine.origin &&
      route.proxy === mine.proxy &&
      route.rejectUnauthorized === mine.rejectUnauthorized
    );
  }

  /** Resolves once requests can be written; rejects where it could not be made, or `signal` aborts before. */
  async ready(signal: AbortSignal): Promise<void> {
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort);
    });
    await Promise.race([this.#opening, aborted]).finally(() => signal.removeEventListener('abort', abort));
  }

  /**
   * Sends one request and resolves once its answer is read or it has failed, which `handler` is told; false where the
   * connection was gone before a byte was written. The leave is asked in the same stretch of code that writes the bytes.
   */
  send(
    attempt: CreateAttempt,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): Promise<boolean> {
    invariant(
      attempt.epoch === this.epoch,
      `a connection of epoch ${this.epoch} for one of ${attempt.epoch}`,
    );
    const client = this.#client!;
    return new Promise((resolve) => {
      let written = false;
      client.dispatch(options, {
        onConnect: (abort) => {
          let aborted = false;
          handler.onConnect?.((reason) => {
            aborted = true;
            abort(reason);
          });
          if (aborted) return;
          const denial = attempt.mayLeave();
          if (denial !== null) throw new CreateDenied(denial);
          written = true;
          attempt.sent++;
        },
        onHeaders: (...head) => handler.onHeaders?.(...head) ?? true,
        onData: (chunk) => handler.onData?.(chunk) ?? true,
        onComplete: (trailers) => {
          handler.onComplete?.(trailers);
          resolve(true);
        },
        onError: (error) => {
          if (!written && error instanceof ConnectionGone) return resolve(false);
          handler.onError?.(this.#ending.signal.aborted ? this.#ending.signal.reason : error);
          resolve(true);
        },
      });
    });
  }

  /** Ends it with a reset: nothing that was written to it is sent after this. */
  reset(reason: Error): void {
    this.#ending.abort(reason);
    // By its options a close is a reset. Node's own resetAndDestroy first waits until all that was written has been taken.
    this.#raw?.destroy();
    void this.#client?.destroy(reason).catch(() => undefined);
  }

  async #open(signal: AbortSignal): Promise<Client> {
    const { Client } = await import('undici');
    const socket = await openCreateSocket(this.#route, this.epoch, signal);
    this.#raw = socket.raw;
    this.#client = new Client(this.#route.origin, {
      keepAliveTimeout: KEPT_MS,
      connect: handOver(socket),
    });
    return this.#client;
  }
}

/** Gives undici the socket at its first request, and none ever after. Until then, whatever comes from the peer ends it. */
function handOver({ raw, stream }: CreateSocket): (options: unknown, callback: ConnectCallback) => void {
  const unasked = () => raw.destroy();
  stream.on('readable', unasked);
  // Nobody waits for it: a process that has nothing else to do may end.
  stream.unref();
  let given = false;
  return (_, callback) => {
    const gone = given || stream.destroyed;
    given = true;
    stream.off('readable', unasked);
    stream.ref();
    // undici is in the midst of its own call, and looks for what to write once that has returned.
    queueMicrotask(() =>
      gone || stream.destroyed ? callback(new ConnectionGone(), null) : callback(null, stream),
    );
  };
}

type ConnectCallback = (...result: [null, Socket] | [Error, null]) => void;
