import type { StreamKey } from '../core/candle.js';
import type { MarketRules } from '../core/order.js';
import type { AccountSnapshot, PeakRebase, RestoredState } from '../core/records.js';
import { currenciesOf } from '../core/symbol.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import { createDayLoss, type DayLoss } from './day-loss.js';
import { createDrawdownBreaker, type DrawdownBreaker } from './drawdown.js';
import { createPortfolio, type Portfolio } from './portfolio.js';

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
  snapshot(equity: number): AccountSnapshot;
  /** Takes up where the store left it: fills, then the last snapshot, then the flows. */
  restore(restored: RestoredState): void;
}

/** Streams and settings that an account needs to know of. */
export interface AccountOptions {
  readonly config: { readonly risk: { readonly drawdownHaltFraction: number } };
  /** At least one; all are priced in one quote currency. */
  readonly streams: readonly { readonly key: StreamKey; readonly rules: Pick<MarketRules, 'amountStep'> }[];
  /** Cash before the first fill and flow, in quote units, as decimal text. */
  readonly startCash: string;
}

export function createAccount({ config, streams, startCash }: AccountOptions, clock: Clock): Account {
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
    // Field by field: to spread getters is dear, and each bar asks.
    snapshot: (equity) => ({
      atMs: clock.wallMs(),
      equity,
      cash: portfolio.cash(),
      peakEquity: breaker.peakEquity,
      drawdown: breaker.drawdown,
      breakerTripped: breaker.tripped,
      dayMs: day.dayMs,
      dayStartEquity: day.startEquity,
      dayLowEquity: day.lowEquity,
    }),
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
