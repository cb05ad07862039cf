import { messageOf } from '../core/errors.js';
import { type Decimal, decimal, text } from '../core/money.js';
import type { OrderReport } from '../core/order.js';
import type { CapitalFlow, RestoredState } from '../core/records.js';
import { currenciesOf, isDerivative } from '../core/symbol.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { Broker } from '../ports/broker.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { Execution } from './execution.js';
import type { ExecutionOutcome } from './order-intent.js';

export interface ReconciliationDeps {
  readonly store: Store;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly portfolio: Portfolio;
  readonly execution: Execution;
  readonly symbols: readonly string[];
  /** Whether an id was given by this box. */
  readonly isOurs: (clientOrderId: string) => boolean;
  /** Open time of the bar that was decided on when an order of this time was made; for orders the store has lost. */
  readonly barBefore: (atMs: number) => number;
  /** A deposit or withdrawal of the quote currency was taken in; equity before and after it. */
  readonly onCapital: (equityBefore: number, equityAfter: number) => void;
}

/** What one comparison with the exchange came to. */
export type Reconciliation =
  | {
      readonly kind: 'agreed';
      readonly taken: readonly ExecutionOutcome[];
      readonly flows: readonly CapitalFlow[];
    }
  /** Orders of unknown outcome are left: nothing can be compared before they are settled. */
  | { readonly kind: 'unresolved'; readonly taken: readonly ExecutionOutcome[]; readonly detail: string }
  /** The exchange did not answer, which says nothing. */
  | { readonly kind: 'unreachable'; readonly detail: string }
  | {
      readonly kind: 'mismatch';
      readonly taken: readonly ExecutionOutcome[];
      /** The symbol or currency in question. */
      readonly symbol: string;
      readonly detail: string;
      /** The comparison before this one differed too: this is no race with a fill that was on its way. */
      readonly confirmed: boolean;
    };

/** How far back of the last agreement orders are listed again: for fills that an exchange lists late. */
const OVERLAP_MS = 3_600_000;
/** The same after a restart, when the time of the last agreement is known only roughly. */
const RESTART_OVERLAP_MS = 86_400_000;

const ZERO = decimal(0);

/** Compares orders, fills, balances and positions with one exchange, and takes in what explains a difference. */
export class Reconciler {
  readonly #deps: ReconciliationDeps;
  readonly #quoteCurrencies;
  /** Openings, deposits and withdrawals, by currency. */
  readonly #capital = new Map<string, Decimal>();
  readonly #flowIds = new Set<string>();
  #openedMs: number | null = null;
  #sinceMs = 0;
  #agreed = false;
  /** Comparisons in a row that found a difference. */
  #differences = 0;
  /** By symbol; of those that the account holds in full there is none. */
  #shortfalls = new Map<string, Decimal>();

  constructor(deps: ReconciliationDeps) {
    this.#deps = deps;
    this.#quoteCurrencies = new Set(deps.symbols.map((symbol) => currenciesOf(symbol).quote));
  }

  get exchange(): string {
    return this.#deps.broker.exchange;
  }

  restore({ flows, fills, account }: RestoredState): void {
    for (const flow of flows) this.#count(flow);
    const newestMs = fills.reduce((newest, fill) => Math.max(newest, fill.atMs), account?.atMs ?? 0);
    this.#sinceMs = Math.max(this.#openedMs ?? 0, newestMs - RESTART_OVERLAP_MS);
  }

  /**
   * Writes down what the account holds, where that was never done: all later balances are measured from there. An exchange
   * that does not answer is asked again with the next comparison.
   */
  async open(): Promise<void> {
    await this.#open().catch((error: unknown) => {
      if (!(error instanceof Unanswered)) throw error;
    });
  }

  /** One comparison. Rejects only when the store fails. */
  async compare(): Promise<Reconciliation> {
    const taken: ExecutionOutcome[] = [];
    try {
      return await this.#compare(taken);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      return taken.length > 0
        ? { kind: 'unresolved', taken, detail: error.message }
        : { kind: 'unreachable', detail: error.message };
    }
  }

  /** Takes the agreement back: nothing may grow before another comparison has agreed. */
  invalidate(): void {
    this.#agreed = false;
  }

  /** Whether the last comparison that came to an end agreed; false before the first. Without it nothing may grow. */
  get agreed(): boolean {
    return this.#agreed;
  }

  /** Units of a position that the account did not hold when its balances were last read: they cannot be sold. */
  shortfall(symbol: string): Decimal {
    return this.#shortfalls.get(symbol) ?? ZERO;
  }

  #count(flow: CapitalFlow): void {
    if (flow.exchange !== this.#deps.broker.exchange) return;
    this.#flowIds.add(idOf(flow));
    this.#capital.set(flow.currency, (this.#capital.get(flow.currency) ?? decimal(0)).plus(flow.amount));
    if (flow.kind === 'opening') this.#openedMs = Math.max(this.#openedMs ?? 0, flow.atMs);
  }

  /** Lists our orders from then on and takes in what is new. */
  async #applyListed(fromMs: number, taken: ExecutionOutcome[]): Promise<void> {
    const listed = await ask(() => this.#deps.broker.history(this.#deps.symbols, fromMs));
    // Asked for later, so what it says of an order goes before what the list said.
    const open = await ask(() => this.#deps.broker.openOrders(this.#deps.symbols));
    const ours = [...listed, ...open].filter(({ clientOrderId }) => this.#deps.isOurs(clientOrderId));
    const reports = new Map<string, OrderReport>(ours.map((report) => [report.clientOrderId, report]));
    for (const report of reports.values()) {
      const outcome = await this.#deps.execution.applyListedOrder(
        this.#deps.broker.exchange,
        report,
        this.#deps.barBefore(report.atMs),
      );
      if (outcome) taken.push(outcome);
    }
  }

  /** Takes in the deposits and withdrawals that are new. */
  async #applyFlows(): Promise<readonly CapitalFlow[]> {
    // An exchange that does not tell explains nothing: the difference stands.
    const told = (await this.#deps.broker.transfers(this.#openedMs ?? 0).catch(() => null)) ?? [];
    const fresh = told
      .filter((flow) => flow.atMs >= (this.#openedMs ?? 0) && !this.#flowIds.has(idOf(flow)))
      .map((flow) => ({ ...flow, atMs: this.#deps.clock.wallMs() }));
    if (fresh.length === 0) return fresh;
    await this.#deps.store.recordFlows(fresh);
    for (const flow of fresh) {
      this.#count(flow);
      if (!this.#quoteCurrencies.has(flow.currency)) continue;
      const before = this.#deps.portfolio.equity();
      this.#deps.portfolio.applyFlow(flow);
      if (before > 0) this.#deps.onCapital(before, this.#deps.portfolio.equity());
    }
    return fresh;
  }

  /** Where the account differs from what capital and fills make it; null where it does not. */
  async #difference(): Promise<{ symbol: string; detail: string } | null> {
    const balances = await ask(() => this.#deps.broker.balances());
    const held = new Map(balances.map(({ currency, total }) => [currency, decimal(total)]));
    this.#shortfalls = this.#shortfallsOf(held);
    const moved = this.#deps.portfolio.moved(this.#deps.broker.exchange);
    for (const currency of new Set([...this.#capital.keys(), ...moved.keys()])) {
      const expected = (this.#capital.get(currency) ?? decimal(0)).plus(moved.get(currency) ?? 0);
      const total = held.get(currency) ?? decimal(0);
      if (total.eq(expected)) continue;
      const detail = `the account holds ${text(total)}, capital and fills make it ${text(expected)}`;
      return { symbol: currency, detail };
    }
    // A withdrawal of what a position consists of adds up, and yet the position cannot be sold any more.
    for (const symbol of this.#shortfalls.keys()) {
      const { units, base } = this.#deps.portfolio.book(this.#deps.broker.exchange, symbol);
      const detail = `the position is ${text(units)}, and the account holds ${text(held.get(base) ?? decimal(0))} ${base}`;
      return { symbol, detail };
    }
    return null;
  }

  #shortfallsOf(held: ReadonlyMap<string, Decimal>): Map<string, Decimal> {
    const found = new Map<string, Decimal>();
    for (const { exchange, symbol, base, units } of this.#deps.portfolio.books()) {
      if (exchange !== this.#deps.broker.exchange || isDerivative(symbol)) continue;
      const short = units.minus(held.get(base) ?? 0);
      if (short.gt(0)) found.set(symbol, short);
    }
    return found;
  }

  async #open(): Promise<void> {
    if (this.#openedMs !== null) return;
    const balances = await ask(() => this.#deps.broker.balances());
    const moved = this.#deps.portfolio.moved(this.#deps.broker.exchange);
    const atMs = this.#deps.clock.wallMs();
    const openings = balances.map(({ currency, total }): CapitalFlow => {
      const amount = text(decimal(total).minus(moved.get(currency) ?? 0));
      return {
        exchange: this.#deps.broker.exchange,
        flowId: currency,
        kind: 'opening',
        currency,
        amount,
        atMs,
      };
    });
    await this.#deps.store.recordFlows(openings);
    const before = this.#deps.portfolio.equity();
    for (const flow of openings) {
      this.#count(flow);
      if (this.#quoteCurrencies.has(flow.currency)) this.#deps.portfolio.applyFlow(flow);
    }
    // On a box that trades elsewhere already, the money of another exchange is no profit.
    if (before > 0) this.#deps.onCapital(before, this.#deps.portfolio.equity());
    // An account without any money has opened too.
    this.#openedMs ??= atMs;
    this.#sinceMs = this.#openedMs;
  }

  async #compare(taken: ExecutionOutcome[]): Promise<Reconciliation> {
    await this.#open();
    const startedMs = this.#deps.clock.wallMs();
    taken.push(...(await this.#deps.execution.resolveUnknown(this.#deps.broker.exchange)));
    // After a difference everything is listed once, so that nothing that could explain it is missed.
    await this.#applyListed(this.#differences === 1 ? (this.#openedMs ?? 0) : this.#sinceMs, taken);
    const left = this.#deps.execution.unresolved(this.#deps.broker.exchange).length;
    if (left > 0) return { kind: 'unresolved', taken, detail: `${left} orders have an unknown outcome` };
    let flows: readonly CapitalFlow[] = [];
    let found = await this.#difference();
    if (found) {
      flows = await this.#applyFlows();
      if (flows.length > 0) found = await this.#difference();
    }
    const confirmed = this.#differences > 0;
    this.#agreed = found === null;
    this.#differences = found === null ? 0 : this.#differences + 1;
    if (found) return { kind: 'mismatch', taken, ...found, confirmed };
    this.#sinceMs = Math.max(this.#openedMs ?? 0, startedMs - OVERLAP_MS);
    return { kind: 'agreed', taken, flows };
  }
}

function idOf(flow: CapitalFlow): string {
  return `${flow.kind}:${flow.flowId}`;
}

/** Marks a question that the exchange did not answer, which no state of ours depends on. */
class Unanswered {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new Unanswered(messageOf(error));
  }
}
