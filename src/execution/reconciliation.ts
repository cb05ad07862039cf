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
  | { readonly kind: 'unsettled'; readonly taken: readonly ExecutionOutcome[]; readonly detail: string }
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

/** Compares orders, fills, balances and positions with one exchange, and takes in what explains a difference. */
export interface Reconciler {
  readonly exchange: string;
  restore(restored: RestoredState): void;
  /**
   * Writes down what the account holds, where that was never done: all later balances are measured from there. An exchange
   * that does not answer is asked again with the next comparison.
   */
  open(): Promise<void>;
  /** One comparison. Rejects only when the store fails. */
  compare(): Promise<Reconciliation>;
  /** Takes the agreement back: nothing may grow before another comparison has agreed. */
  doubt(): void;
  /** Whether the last comparison that came to an end agreed; false before the first. Without it nothing may grow. */
  readonly agreed: boolean;
  /** Units of a position that the account did not hold when its balances were last read: they cannot be sold. */
  shortfall(symbol: string): Decimal;
}

/** How far back of the last agreement orders are listed again: for fills that an exchange lists late. */
const OVERLAP_MS = 3_600_000;
/** The same after a restart, when the time of the last agreement is known only roughly. */
const RESTART_OVERLAP_MS = 86_400_000;

const ZERO = decimal(0);

export function createReconciler(deps: ReconciliationDeps): Reconciler {
  const { store, broker, clock, portfolio, execution, symbols } = deps;
  const quoteCurrencies = new Set(symbols.map((symbol) => currenciesOf(symbol).quote));
  /** Openings, deposits and withdrawals, by currency. */
  const capital = new Map<string, Decimal>();
  const flowIds = new Set<string>();
  let openedMs: number | null = null;
  let sinceMs = 0;
  let agreed = false;
  /** Comparisons in a row that found a difference. */
  let differences = 0;
  /** By symbol; of those that the account holds in full there is none. */
  let shortfalls = new Map<string, Decimal>();

  function count(flow: CapitalFlow): void {
    if (flow.exchange !== broker.exchange) return;
    flowIds.add(idOf(flow));
    capital.set(flow.currency, (capital.get(flow.currency) ?? decimal(0)).plus(flow.amount));
    if (flow.kind === 'opening') openedMs = Math.max(openedMs ?? 0, flow.atMs);
  }

  /** Lists our orders from then on and takes in what is new. */
  async function takeListed(fromMs: number, taken: ExecutionOutcome[]): Promise<void> {
    const listed = await ask(() => broker.history(symbols, fromMs));
    // Asked for later, so what it says of an order goes before what the list said.
    const open = await ask(() => broker.openOrders(symbols));
    const ours = [...listed, ...open].filter(({ clientOrderId }) => deps.isOurs(clientOrderId));
    const reports = new Map<string, OrderReport>(ours.map((report) => [report.clientOrderId, report]));
    for (const report of reports.values()) {
      const outcome = await execution.takeListed(broker.exchange, report, deps.barBefore(report.atMs));
      if (outcome) taken.push(outcome);
    }
  }

  /** Takes in the deposits and withdrawals that are new. */
  async function takeFlows(): Promise<readonly CapitalFlow[]> {
    // A venue that does not tell explains nothing: the difference stands.
    const told = (await broker.transfers(openedMs ?? 0).catch(() => null)) ?? [];
    const fresh = told
      .filter((flow) => flow.atMs >= (openedMs ?? 0) && !flowIds.has(idOf(flow)))
      .map((flow) => ({ ...flow, atMs: clock.wallMs() }));
    if (fresh.length === 0) return fresh;
    await store.recordFlows(fresh);
    for (const flow of fresh) {
      count(flow);
      if (!quoteCurrencies.has(flow.currency)) continue;
      const before = portfolio.equity();
      portfolio.applyFlow(flow);
      if (before > 0) deps.onCapital(before, portfolio.equity());
    }
    return fresh;
  }

  /** Where the account differs from what capital and fills make it; null where it does not. */
  async function difference(): Promise<{ symbol: string; detail: string } | null> {
    const balances = await ask(() => broker.balances());
    const held = new Map(balances.map(({ currency, total }) => [currency, decimal(total)]));
    shortfalls = shortfallsOf(held);
    const moved = portfolio.moved(broker.exchange);
    for (const currency of new Set([...capital.keys(), ...moved.keys()])) {
      const expected = (capital.get(currency) ?? decimal(0)).plus(moved.get(currency) ?? 0);
      const total = held.get(currency) ?? decimal(0);
      if (total.eq(expected)) continue;
      const detail = `the account holds ${text(total)}, capital and fills make it ${text(expected)}`;
      return { symbol: currency, detail };
    }
    // A withdrawal of what a position consists of adds up, and yet the position cannot be sold any more.
    for (const symbol of shortfalls.keys()) {
      const { units, base } = portfolio.book(broker.exchange, symbol);
      const detail = `the position is ${text(units)}, and the account holds ${text(held.get(base) ?? decimal(0))} ${base}`;
      return { symbol, detail };
    }
    return null;
  }

  function shortfallsOf(held: ReadonlyMap<string, Decimal>): Map<string, Decimal> {
    const found = new Map<string, Decimal>();
    for (const { exchange, symbol, base, units } of portfolio.books()) {
      if (exchange !== broker.exchange || isDerivative(symbol)) continue;
      const short = units.minus(held.get(base) ?? 0);
      if (short.gt(0)) found.set(symbol, short);
    }
    return found;
  }

  async function open(): Promise<void> {
    if (openedMs !== null) return;
    const balances = await ask(() => broker.balances());
    const moved = portfolio.moved(broker.exchange);
    const atMs = clock.wallMs();
    const openings = balances.map(({ currency, total }): CapitalFlow => {
      const amount = text(decimal(total).minus(moved.get(currency) ?? 0));
      return { exchange: broker.exchange, flowId: currency, kind: 'opening', currency, amount, atMs };
    });
    await store.recordFlows(openings);
    const before = portfolio.equity();
    for (const flow of openings) {
      count(flow);
      if (quoteCurrencies.has(flow.currency)) portfolio.applyFlow(flow);
    }
    // On a box that trades elsewhere already, the money of another venue is no profit.
    if (before > 0) deps.onCapital(before, portfolio.equity());
    // An account without any money has opened too.
    openedMs ??= atMs;
    sinceMs = openedMs;
  }

  async function compare(taken: ExecutionOutcome[]): Promise<Reconciliation> {
    await open();
    const startedMs = clock.wallMs();
    taken.push(...(await execution.settleOnce(broker.exchange)));
    // After a difference everything is listed once, so that nothing that could explain it is missed.
    await takeListed(differences === 1 ? (openedMs ?? 0) : sinceMs, taken);
    const left = execution.unsettled(broker.exchange).length;
    if (left > 0) return { kind: 'unsettled', taken, detail: `${left} orders have an unknown outcome` };
    let flows: readonly CapitalFlow[] = [];
    let found = await difference();
    if (found) {
      flows = await takeFlows();
      if (flows.length > 0) found = await difference();
    }
    const confirmed = differences > 0;
    agreed = found === null;
    differences = found === null ? 0 : differences + 1;
    if (found) return { kind: 'mismatch', taken, ...found, confirmed };
    sinceMs = Math.max(openedMs ?? 0, startedMs - OVERLAP_MS);
    return { kind: 'agreed', taken, flows };
  }

  return {
    exchange: broker.exchange,
    restore({ flows, fills, account }) {
      for (const flow of flows) count(flow);
      const newestMs = fills.reduce((newest, fill) => Math.max(newest, fill.atMs), account?.atMs ?? 0);
      sinceMs = Math.max(openedMs ?? 0, newestMs - RESTART_OVERLAP_MS);
    },
    async open() {
      await open().catch((error: unknown) => {
        if (!(error instanceof Unanswered)) throw error;
      });
    },
    async compare() {
      const taken: ExecutionOutcome[] = [];
      try {
        return await compare(taken);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        return taken.length > 0
          ? { kind: 'unsettled', taken, detail: error.message }
          : { kind: 'unreachable', detail: error.message };
      }
    },
    doubt() {
      agreed = false;
    },
    get agreed() {
      return agreed;
    },
    shortfall: (symbol) => shortfalls.get(symbol) ?? ZERO,
  };
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
