import { seededRng } from '../core/seeded-rng.js';
import type { Rng } from '../ports/time.js';
import type { ApiCall, DelayedEvent, FaultShapes } from './dialect.js';
import {
  EVENT_FAULTS,
  ORDER_FATES,
  type OrderFate,
  REQUEST_FAULTS,
  type RequestFault,
} from './fault-kinds.js';
import type { Interception } from './http-front.js';
import { ControlError, fields, wrong } from './rejected-body.js';

type EventFault = (typeof EVENT_FAULTS)[number];
const BOOK_FAULTS = ['stale_book'] as const;
const FATES = ORDER_FATES.filter((fate) => fate !== 'at_once');
const NAMES: readonly string[] = [...REQUEST_FAULTS, ...EVENT_FAULTS, ...BOOK_FAULTS, ...FATES];

/** What goes wrong, and how often. Shares are between 0 and 1; what is left out is 0. */
export interface FaultSettings {
  readonly seed: number;
  readonly requests: number;
  readonly orders: number;
  readonly events: number;
  readonly books: number;
  /** These kinds alone; all when empty. */
  readonly only: readonly string[];
  /** Named faults at named places, beside the shares: the nth request of a route, the nth of `orders` or `events`. */
  readonly at: readonly { readonly on: string; readonly nth: number; readonly fault: string }[];
}

/** These change figures of an answer, and so are for answers that have such figures. */
const OF_ORDERS: readonly string[] = ['absurd', 'lagging', 'doubled'];
const DELAY_MS_MAX = 4000;
/** Past the ten seconds that our own client waits for an answer, or not. */
const QUEUED_MS_MIN = 5000;
const QUEUED_MS_MAX = 60_000;
const EVENT_DELAY_MS_MAX = 3000;
/** Later than whatever else the same moment brought. */
const REORDER_MS = 50;

/**
 * Draws faults by seed. Every route, the orders and the events have draws of their own: the nth request of a route meets
 * the same fault in every run of a seed, whatever else is asked in between.
 */
export class FaultInjector {
  readonly settings: FaultSettings;
  readonly #shapes: FaultShapes;
  readonly #rngs = new Map<string, Rng>();
  readonly #counts = new Map<string, number>();
  readonly #drawn: Record<string, number> = {};
  readonly #books = new Map<string, unknown>();

  constructor(settings: FaultSettings, shapes: FaultShapes) {
    this.settings = settings;
    this.#shapes = shapes;
  }

  /** How often each fault was drawn. */
  get drawn(): Readonly<Record<string, number>> {
    return this.#drawn;
  }

  /** What happens to this request; undefined when it goes well. */
  request(call: ApiCall): Interception | undefined {
    const route = `${call.method} ${call.path}`;
    if (this.#shapes.spared.has(route)) return undefined;
    const kinds = REQUEST_FAULTS.filter(
      (kind) =>
        (kind !== 'accepted_late' || this.#shapes.places(call)) &&
        (!OF_ORDERS.includes(kind) || this.#shapes.listsOrders(call)),
    );
    const fault = this.#draw(route, this.settings.requests, kinds);
    if (fault === 'accepted_late') {
      return { kind: 'queue', ms: QUEUED_MS_MIN + this.delayMs(route, QUEUED_MS_MAX - QUEUED_MS_MIN) };
    }
    if (fault !== null) return this.#interceptionOf(fault, this.delayMs(route, DELAY_MS_MAX));
    const market = this.#shapes.bookOf(call);
    return market === undefined ? undefined : this.#book(market);
  }

  /** What becomes of an order that the exchange takes. */
  fate(): OrderFate {
    return this.#draw('orders', this.settings.orders, FATES) ?? 'at_once';
  }

  event(event: object): readonly DelayedEvent[] {
    const fault: EventFault | null = this.#draw('events', this.settings.events, EVENT_FAULTS);
    const now = { event, afterMs: 0 };
    switch (fault) {
      case null:
        return [now];
      case 'lose_event':
        return [];
      case 'double_event':
        return [now, now];
      case 'delay_event':
        return [{ event, afterMs: this.delayMs('events', EVENT_DELAY_MS_MAX) }];
      case 'reorder_event':
        return [{ event, afterMs: REORDER_MS }];
    }
  }

  /** Whole milliseconds from 1 on, evenly; of the draws of that name. */
  delayMs(name: string, maxMs: number): number {
    return 1 + Math.floor(this.#rng(name).next() * maxMs);
  }

  /** A stale book is the one that was answered the last time. */
  #book(symbol: string): Interception {
    const stale = this.#draw('books', this.settings.books, BOOK_FAULTS) !== null;
    const change = (fresh: unknown) => {
      const shown = stale ? (this.#books.get(symbol) ?? fresh) : fresh;
      this.#books.set(symbol, shown);
      return shown;
    };
    return { kind: 'change', change };
  }

  #draw<T extends string>(name: string, share: number, kinds: readonly T[]): T | null {
    const { only, at } = this.settings;
    const nth = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, nth);
    const rng = this.#rng(name);
    // Both are drawn in any case, so that what is named does not move what follows.
    const [hit, which] = [rng.next() < share, rng.next()];
    const named = at.find((each) => each.on === name && each.nth === nth)?.fault;
    const allowed = kinds.filter((kind) => only.length === 0 || only.includes(kind));
    const kind =
      kinds.find((each) => each === named) ?? (hit ? allowed[Math.floor(which * allowed.length)] : undefined);
    if (kind === undefined) return null;
    this.#drawn[kind] = (this.#drawn[kind] ?? 0) + 1;
    return kind;
  }

  #rng(name: string): Rng {
    let rng = this.#rngs.get(name);
    if (rng === undefined) {
      rng = rngFor(`${this.settings.seed} ${name}`);
      this.#rngs.set(name, rng);
    }
    return rng;
  }

  #interceptionOf(fault: Exclude<RequestFault, 'accepted_late'>, delayMs: number): Interception {
    const { rateLimit, malformed, errorWithin200, absurd, changeRows } = this.#shapes;
    switch (fault) {
      case 'drop_request':
        return { kind: 'hang' };
      case 'server_error':
        return { kind: 'answer', status: 503, body: '<html>503 Service Temporarily Unavailable</html>' };
      case 'rate_limit':
        return { kind: 'answer', ...rateLimit };
      case 'reset':
        return { kind: 'drop' };
      case 'delay_request':
        return { kind: 'delay', ms: delayMs };
      case 'drop_answer':
        return { kind: 'hang_after' };
      case 'server_error_after':
        return { kind: 'answer_after', status: 502, body: '<html>502 Bad Gateway</html>' };
      case 'reset_after':
        return { kind: 'drop_answer' };
      case 'malformed':
        return { kind: 'answer_after', status: 200, body: malformed };
      case 'absurd':
        return { kind: 'change', change: absurd };
      case 'delay_answer':
        return { kind: 'delay_answer', ms: delayMs };
      case 'lagging':
        return { kind: 'change', change: (value) => changeRows(value, (rows) => rows.slice(0, -1)) };
      case 'doubled':
        return {
          kind: 'change',
          change: (value) => changeRows(value, (rows) => [...rows, ...rows].reverse()),
        };
      case 'error_within_200':
        return { kind: 'answer_after', status: 200, body: errorWithin200 };
    }
  }
}

/** Faults of every kind, as a seed alone asks for them. */
export function faultsOfSeed(seed: number): FaultSettings {
  return { seed, requests: 0.05, orders: 0.2, events: 0.2, books: 0.1, only: [], at: [] };
}

/** Reads a fault plan as it comes in JSON; throws a refusal that says what does not fit. */
export function readFaults(body: unknown): FaultSettings {
  const {
    seed = 1,
    requests = 0,
    orders = 0,
    events = 0,
    books = 0,
    only = [],
    at = [],
    ...rest
  } = fields(body);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new ControlError(`a fault plan has no "${unknown}"`);
  if (typeof seed !== 'number' || !Number.isSafeInteger(seed)) throw wrong('seed', 'a whole number');
  const share = (name: string, value: unknown) => {
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    throw wrong(name, 'a share of 0 to 1');
  };
  const kind = (value: unknown) => {
    if (typeof value === 'string' && NAMES.includes(value)) return value;
    throw new ControlError(`"${String(value)}" is no fault: take one of ${NAMES.join(', ')}`);
  };
  if (!Array.isArray(only)) throw wrong('only', 'a list of faults');
  if (!Array.isArray(at)) throw wrong('at', 'a list of {on, nth, fault}');
  return {
    seed,
    requests: share('requests', requests),
    orders: share('orders', orders),
    events: share('events', events),
    books: share('books', books),
    only: only.map(kind),
    at: at.map((each) => {
      const { on, nth, fault } = fields(each);
      if (typeof on !== 'string') throw wrong('on', 'a route, "orders", "events" or "books"');
      if (typeof nth !== 'number' || !Number.isSafeInteger(nth) || nth < 1)
        throw wrong('nth', 'a count from 1');
      return { on, nth, fault: kind(fault) };
    }),
  };
}

/** Begun from the FNV-1a hash of a text. */
function rngFor(text: string): Rng {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return seededRng(hash);
}
