import type { AccountSnapshot, Clock, PeakRebase, RestoredState, Store } from '../ports.js';
import { createPortfolio, currenciesOf, type Portfolio } from './execution/index.js';
import type { PipelineDeps } from './pipeline-api.js';
import { createDayLoss, createDrawdownBreaker, type DayLoss, type DrawdownBreaker } from './risk/index.js';

/** The money of all streams together: what fills and flows made of it, and the limits that are set on it as a whole. */
export interface Account {
  readonly portfolio: Portfolio;
  readonly breaker: DrawdownBreaker;
  readonly day: DayLoss;
  /** Takes equity at a bar's close. Returns true when the circuit breaker tripped on it. */
  update(equity: number, closeMs: number): boolean;
  /** Money came or went by another way than trading. */
  capital(equityBefore: number, equityAfter: number): void;
  /** See `Pipeline.rebasePeak`. */
  rebase(by: string, store: Pick<Store, 'recordRebase'>): Promise<PeakRebase | null>;
  /** Written into `into` where that is given, which then is what is returned. */
  snapshot(equity: number, into?: Writable<AccountSnapshot>): AccountSnapshot;
  /** Takes up where the store left it: fills, then the last snapshot, then the flows. */
  restore(restored: RestoredState): void;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Numbers with a fraction from the start: a field that begins as a whole one changes its form later. */
export function blankSnapshot(): Writable<AccountSnapshot> {
  return {
    atMs: 0.5,
    equity: 0.5,
    cash: 0.5,
    peakEquity: 0.5,
    drawdown: 0.5,
    breakerTripped: false,
    dayMs: 0.5,
    dayStartEquity: 0.5,
    dayLowEquity: 0.5,
  };
}

export function createAccount(
  { config, streams, startCash }: Pick<PipelineDeps, 'config' | 'streams' | 'startCash'>,
  clock: Clock,
): Account {
  const portfolio = createPortfolio({
    startCash,
    amountStepOf: (exchange, symbol) =>
      streams.find(({ key }) => key.exchange === exchange && key.symbol === symbol)?.rules.amountStep,
  });
  const breaker = createDrawdownBreaker(config.risk.drawdownHaltFraction);
  const day = createDayLoss();
  const quoteCurrency = currenciesOf(streams[0]!.key.symbol).quote;

  function capital(equityBefore: number, equityAfter: number): void {
    breaker.capital(equityBefore, equityAfter);
    day.capital(equityBefore, equityAfter);
  }

  /** Flows are cash; those that the last snapshot does not know of move the peak as they would have done then. */
  function restoreFlows({ flows, account }: RestoredState): void {
    let equity = account?.equity ?? 0;
    for (const flow of flows) {
      if (flow.currency !== quoteCurrency) continue;
      portfolio.applyFlow(flow);
      if (account === null || flow.atMs <= account.atMs) continue;
      capital(equity, equity + Number(flow.amount));
      equity += Number(flow.amount);
    }
  }

  return {
    portfolio,
    breaker,
    day,
    update(equity, closeMs) {
      day.update(equity, closeMs);
      return breaker.update(equity);
    },
    capital,
    async rebase(by, store) {
      const equity = portfolio.equity();
      if (!breaker.tripped || !(equity > 0 && Number.isFinite(equity))) return null;
      const rebase: PeakRebase = {
        atMs: clock.wallMs(),
        by,
        peakBefore: breaker.peakEquity,
        drawdownBefore: breaker.drawdown,
        equity,
      };
      // Durable before it counts: an entry that it allows must not outlive the word.
      await store.recordRebase(rebase);
      breaker.resume(equity);
      return rebase;
    },
    snapshot(equity, into = blankSnapshot()) {
      into.atMs = clock.wallMs();
      into.equity = equity;
      into.cash = portfolio.cash();
      into.peakEquity = breaker.peakEquity;
      into.drawdown = breaker.drawdown;
      into.breakerTripped = breaker.tripped;
      into.dayMs = day.dayMs;
      into.dayStartEquity = day.startEquity;
      into.dayLowEquity = day.lowEquity;
      return into;
    },
    restore(restored) {
      for (const fill of restored.fills) portfolio.apply(fill);
      if (restored.account) {
        breaker.restore(restored.account);
        day.restore(restored.account);
      }
      restoreFlows(restored);
    },
  };
}
