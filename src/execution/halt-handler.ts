import { messageOf } from '../core/errors.js';
import { type CancelOrder, type CancelOutcome, joinOutcomes } from '../core/guard-link.js';
import { IN_FLIGHT_MAX_MS } from '../core/in-flight.js';
import { type OrderReport, stopsInWords } from '../core/order.js';
import type { HaltRecord } from '../core/records.js';
import type { Broker } from '../ports/broker.js';
import type { GuardRequests } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import type { Reconciliation } from './reconciliation.js';

/** One of the box's exchanges, as a halt needs it. */
export interface HaltExchange {
  readonly broker: Broker;
  readonly symbols: readonly string[];
  /** Asks for every order whose outcome is unknown; resolves to how many are left. */
  resolveUnknown(): Promise<number>;
  /** Closes all positions through the gate; what could not be closed, as text. */
  flatten(): Promise<readonly string[]>;
  /** What is held, as text. */
  positions(): readonly string[];
  /** Exchange and store do not agree from now on, until a comparison has shown that they do. */
  invalidate(): void;
  /** Compares orders, fills and balances; null on paper. */
  compare(): Promise<Reconciliation | null>;
}

export interface HaltHandlerOptions {
  readonly exchanges: readonly HaltExchange[];
  readonly clock: Clock;
  /** Whether an id was given by this box: with scope `ours` a halt cancels these orders and no others. */
  readonly isOurs: (clientOrderId: string) => boolean;
  readonly scope: 'ours' | 'account';
  /** Ends the create requests that are under way, now, not when they are next asked or a disk has answered. */
  readonly endCreates?: () => void;
  /**
   * Records a halt and its end, once each. For a trader whose guard is a process of its own: alerting the owner is the
   * guard's, which lives when the trader does not.
   */
  readonly record?: (record: HaltRecord) => Promise<void>;
  /** A halt could not be recorded. It is carried out all the same, and recorded with the guard's next request, or before trading continues. */
  readonly onUnrecorded?: (error: unknown) => void;
}

/** Orders live for seconds: what was sent before the press is younger than this. */
const RECENT_MS = 600_000;

/**
 * What the trader does when the guard asks: cancel what is open and say so truthfully, and reconcile before entries; at all
 * exchanges at the same time.
 *
 * A halt is confirmed when every exchange has confirmed. The box is reconciled as soon as one exchange agrees: the others stay
 * at REDUCING by themselves until they have agreed too, so that one that is away does not keep the box from trading on the rest.
 */
export class HaltHandler implements GuardRequests {
  readonly #options: HaltHandlerOptions;
  /** Epoch of the halt that was asked for last. */
  #epoch = -1;
  /** Halts that are still to be recorded, and the work on it. */
  readonly #due: HaltRecord[] = [];
  #recording: Promise<void> | null = null;

  constructor(options: HaltHandlerOptions) {
    this.#options = options;
  }

  async cancelAll(order: CancelOrder): Promise<CancelOutcome> {
    const { exchanges, endCreates } = this.#options;
    endCreates?.();
    // The exchange does not wait for a disk that hangs, or is full.
    void this.#recordHalt(order);
    const results = await Promise.allSettled(exchanges.map((each) => this.#cancelAt(each, order.flatten)));
    return joinOutcomes(results.map((result, i) => ({ exchange: exchanges[i]!.broker.exchange, result })));
  }

  async reconcile(): Promise<void> {
    const { exchanges, clock, record } = this.#options;
    try {
      await Promise.any(exchanges.map(reconcileAt));
    } catch (error) {
      const { errors } = error as AggregateError;
      throw new Error(
        errors.map((each, i) => `${exchanges[i]!.broker.exchange}: ${String(each)}`).join('; '),
      );
    }
    // The halt goes before what ends it; while neither can be recorded, the box stays halted.
    await this.#recordDue();
    await record?.({ atMs: clock.wallMs(), state: 'ACTIVE', cause: 'reconciled', epoch: this.#epoch });
  }

  async #recordHalt({ epoch, cause }: CancelOrder): Promise<void> {
    const { record, clock, onUnrecorded } = this.#options;
    if (record === undefined) return;
    if (epoch !== this.#epoch) this.#due.push({ atMs: clock.wallMs(), state: 'HALTED', cause, epoch });
    this.#epoch = epoch;
    await this.#recordDue().catch((error: unknown) => onUnrecorded?.(error));
  }

  /** One after the other, oldest first; what fails stays due. */
  #recordDue(): Promise<void> {
    this.#recording ??= this.#recordAll().finally(() => {
      this.#recording = null;
    });
    return this.#recording;
  }

  async #recordAll(): Promise<void> {
    for (let next = this.#due[0]; next !== undefined; next = this.#due[0]) {
      await this.#options.record?.(next);
      this.#due.shift();
    }
  }

  /**
   * Confirmed means that nothing was open by any answer of two successive looks, the later one after anything sent before
   * could still have arrived.
   */
  async #cancelAt(exchange: HaltExchange, flatten: boolean): Promise<CancelOutcome> {
    const { clock } = this.#options;
    const { broker } = exchange;
    const askedMs = clock.monotonicMs();
    const failures: string[] = [];
    const found = await this.#openAt(exchange, flatten, false);
    await cancelOrders(broker, found.wanted, failures);
    const first = await this.#openAt(exchange, flatten, true);
    await cancelOrders(broker, first.wanted, failures);
    // Positions are closed during the wait: the market does not wait for a second answer.
    const unclosed = flatten ? await exchange.flatten() : [];
    const inFlightMaxMs = broker.kind === 'paper' ? 0 : IN_FLIGHT_MAX_MS;
    const arrivingMs = broker.mayStillArriveForMs?.() ?? 0;
    await clock.sleep(Math.max(0, askedMs + inFlightMaxMs - clock.monotonicMs(), arrivingMs));
    const second = await this.#openAt(exchange, flatten, true);
    await cancelOrders(broker, second.wanted, failures);
    const unknown = await exchange.resolveUnknown();
    return accountOf(exchange, { ...second, foundBefore: first.wanted.length, unknown, unclosed, failures });
  }

  /**
   * What a halt is to cancel, and the protective stops that it leaves alone. An exchange's list of open orders may be wrong:
   * with `twofold` its list of recent orders is read as well.
   */
  async #openAt({ broker, symbols }: HaltExchange, flatten: boolean, twofold: boolean): Promise<OpenOrders> {
    const { scope, clock, isOurs } = this.#options;
    const [listed, recent] = await Promise.all([
      broker.openOrders(scope === 'account' ? [] : symbols, { urgent: true }),
      twofold && broker.kind === 'live'
        ? broker.history(symbols, clock.wallMs() - RECENT_MS, { urgent: true })
        : [],
    ]);
    const resting = recent.filter(({ status }) => status === 'accepted' || status === 'partially_filled');
    // Some exchanges number the orders of each symbol by themselves.
    const nameOf = (order: OrderReport) => `${order.symbol} ${order.exchangeOrderId ?? order.clientOrderId}`;
    const all = [...new Map([...resting, ...listed].map((order) => [nameOf(order), order])).values()];
    const mine = scope === 'account' ? all : all.filter((order) => isOurs(order.clientOrderId));
    const wanted = mine.filter((order) => flatten || order.protective !== true);
    return { wanted, stops: mine.filter((order) => !wanted.includes(order)) };
  }
}

interface OpenOrders {
  readonly wanted: readonly OrderReport[];
  readonly stops: readonly OrderReport[];
}

interface HaltFindings extends OpenOrders {
  /** Orders that the look before the last one found. */
  readonly foundBefore: number;
  readonly unknown: number;
  readonly unclosed: readonly string[];
  readonly failures: readonly string[];
}

function accountOf(exchange: HaltExchange, findings: HaltFindings): CancelOutcome {
  const { wanted, stops, foundBefore, unknown, unclosed, failures } = findings;
  const left = wanted.length + unknown;
  const held = exchange.positions();
  const rest = [
    `still held: ${held.length === 0 ? 'nothing' : held.join(', ')}`,
    ...(stops.length > 0 ? [`protective stops kept: ${stopsInWords(stops)}`] : []),
  ];
  if (foundBefore === 0 && left === 0 && unclosed.length === 0)
    return { confirmed: true, openOrders: 0, detail: ['no open order is left', ...rest].join('; ') };
  const parts = [
    `${wanted.length} open order${wanted.length === 1 ? '' : 's'}`,
    ...(unknown > 0 ? [`${unknown} of unknown outcome`] : []),
    ...unclosed.map((reason) => `not closed: ${reason}`),
    ...failures.slice(0, 3),
    ...rest,
  ];
  return { confirmed: false, openOrders: left, detail: parts.join('; ') };
}

async function cancelOrders(broker: Broker, orders: readonly OrderReport[], failures: string[]) {
  await Promise.all(
    orders.map((order) =>
      broker.cancel(order.clientOrderId, order.symbol).catch((error: unknown) => {
        failures.push(`${order.clientOrderId}: ${messageOf(error)}`);
      }),
    ),
  );
}

async function reconcileAt(exchange: HaltExchange): Promise<void> {
  exchange.invalidate();
  const left = await exchange.resolveUnknown();
  if (left > 0) throw new Error(`${left} orders have an unknown outcome`);
  const result = await exchange.compare();
  if (result !== null && result.kind !== 'agreed') throw new Error(result.detail);
}
