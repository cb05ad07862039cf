import type { StreamKey } from '../core/candle.js';
import type { MarketRules } from '../core/order.js';
import type { AccountSnapshot, PeakRebase, RestoredState } from '../core/records.js';
import { currenciesOf } from '../core/symbol.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import { DayLoss } from './day-loss.js';
import { DrawdownBreaker } from './drawdown.js';
import { Portfolio } from './portfolio.js';

/** Streams and settings that an account needs to know of. */
export interface AccountOptions {
  readonly config: { readonly risk: { readonly drawdownHaltFraction: number } };
  /** At least one; all are priced in one quote currency. */
  readonly streams: readonly { readonly key: StreamKey; readonly rules: Pick<MarketRules, 'amountStep'> }[];
  /** Cash before the first fill and flow, in quote units, as decimal text. */
  readonly startCash: string;
}

/** The money of all streams together: what fills and flows made of it, and the limits that are set on it as a whole. */
export class Account {
  readonly portfolio: Portfolio;
  readonly breaker: DrawdownBreaker;
  readonly day = new DayLoss();
  readonly #quoteCurrency: string;
  readonly #clock: Pick<Clock, 'wallMs'>;

  constructor({ config, streams, startCash }: AccountOptions, clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock;
    this.portfolio = new Portfolio({
      startCash,
      amountStepOf: (exchange, symbol) =>
        streams.find(({ key }) => key.exchange === exchange && key.symbol === symbol)?.rules.amountStep,
    });
    this.breaker = new DrawdownBreaker(config.risk.drawdownHaltFraction);
    this.#quoteCurrency = currenciesOf(streams[0]!.key.symbol).quote;
  }

  /** Takes equity at a bar's close. Returns true when the circuit breaker tripped on it. */
  update(equity: number, closeMs: number): boolean {
    this.day.update(equity, closeMs);
    return this.breaker.update(equity);
  }

  /** Money came or went by another way than trading. */
  capital(equityBefore: number, equityAfter: number): void {
    this.breaker.capital(equityBefore, equityAfter);
    this.day.capital(equityBefore, equityAfter);
  }

  /** See `Pipeline.rebasePeak`. */
  async rebase(by: string, store: Pick<Store, 'recordRebase'>): Promise<PeakRebase | null> {
    const { breaker } = this;
    const equity = this.portfolio.equity();
    if (!breaker.tripped || !(equity > 0 && Number.isFinite(equity))) return null;
    const rebase: PeakRebase = {
      atMs: this.#clock.wallMs(),
      by,
      peakBefore: breaker.peakEquity,
      drawdownBefore: breaker.drawdown,
      equity,
    };
    // Durable before it counts: an entry that it allows must not outlive the word.
    await store.recordRebase(rebase);
    breaker.resume(equity);
    return rebase;
  }

  snapshot(equity: number): AccountSnapshot {
    const { breaker, day } = this;
    // Field by field: to spread getters is expensive, and each bar asks.
    return {
      atMs: this.#clock.wallMs(),
      equity,
      cash: this.portfolio.cash(),
      peakEquity: breaker.peakEquity,
      drawdown: breaker.drawdown,
      breakerTripped: breaker.tripped,
      dayMs: day.dayMs,
      dayStartEquity: day.startEquity,
      dayLowEquity: day.lowEquity,
    };
  }

  /** Takes up where the store left it: fills, then the last snapshot, then the flows. */
  restore(restored: RestoredState): void {
    for (const fill of restored.fills) this.portfolio.apply(fill);
    if (restored.account) {
      this.breaker.restore(restored.account);
      this.day.restore(restored.account);
    }
    this.#restoreFlows(restored);
  }

  /** Flows are cash; those that the last snapshot does not know of move the peak as they would have done then. */
  #restoreFlows({ flows, account }: RestoredState): void {
    let equity = account?.equity ?? 0;
    for (const flow of flows) {
      if (flow.currency !== this.#quoteCurrency) continue;
      this.portfolio.applyFlow(flow);
      if (account === null || flow.atMs <= account.atMs) continue;
      this.capital(equity, equity + Number(flow.amount));
      equity += Number(flow.amount);
    }
  }
}
