import type { LimitSettings } from '../../limit-settings.js';
import { errors } from './kraken-error.js';

/** https://docs.kraken.com/exchange/guides/rest/ratelimits and …/guides/general/ratelimits */
const TIERS = {
  starter: { calls: 15, callsPerS: 0.33, trades: 60, tradesPerS: 1 },
  intermediate: { calls: 20, callsPerS: 0.5, trades: 125, tradesPerS: 2.34 },
  pro: { calls: 20, callsPerS: 1, trades: 180, tradesPerS: 3.75 },
} as const;

/** Histories weigh two; orders are counted by the matching engine alone. */
const WEIGHTS: Readonly<Record<string, number>> = {
  ...{ TradesHistory: 2, ClosedOrders: 2, Ledgers: 2, QueryLedgers: 2, QueryTrades: 2 },
  ...{ AddOrder: 0, CancelOrder: 0, CancelAll: 0, CancelAllOrdersAfter: 0 },
};

/** What a cancel weighs more, by the age of its order in seconds. */
const CANCEL_WEIGHTS: readonly (readonly [number, number])[] = [
  [5, 8],
  [10, 6],
  [15, 5],
  [45, 4],
  [90, 2],
  [300, 1],
];

interface Counter {
  value: number;
  atMs: number;
}

/**
 * The call counter of each key and the counter of each pair, which run down on real time. Counted in any case, refused
 * where a tier is set. Who continues asking is locked out.
 */
export class CallLimits {
  readonly #tier: (typeof TIERS)['pro' | 'starter' | 'intermediate'] | undefined;
  readonly #refusalsMax: number;
  readonly #banMs: number;
  readonly #monotonicMs: () => number;
  readonly #counters = new Map<string, Counter>();
  readonly #refusals = new Map<string, Counter>();
  readonly #lockedOut = new Map<string, number>();
  #allLockedOutUntilMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Partial<LimitSettings>, monotonicMs: () => number) {
    this.#tier = settings.tier && TIERS[settings.tier];
    this.#refusalsMax = settings.refusalsBeforeBan ?? 10;
    this.#banMs = settings.banMs ?? 900_000;
    this.#monotonicMs = monotonicMs;
  }

  /** A private call; throws where it is one too many. */
  call(apiKey: string, method: string): void {
    const nowMs = this.#monotonicMs();
    const untilMs = Math.max(this.#allLockedOutUntilMs, this.#lockedOut.get(apiKey) ?? 0);
    if (nowMs < untilMs) throw errors.lockedOut();
    if (!this.#tier) return;
    const used = this.#add(`calls ${apiKey}`, WEIGHTS[method] ?? 1, this.#tier.callsPerS);
    if (used <= this.#tier.calls) return;
    this.failed(apiKey);
    throw errors.limited();
  }

  order(apiKey: string, pair: string): void {
    this.#trade(apiKey, pair, 1);
  }

  /** Never refused: a cancel counts, and what comes after it is refused. */
  cancel(apiKey: string, pair: string, orderAgeMs: number): void {
    const weight = CANCEL_WEIGHTS.find(([seconds]) => orderAgeMs < seconds * 1000)?.[1] ?? 0;
    if (this.#tier) this.#add(`trades ${apiKey} ${pair}`, weight, this.#tier.tradesPerS);
  }

  /** Counts a call that failed for its key, its nonce or its number: too many lock the key out. */
  failed(apiKey: string): void {
    if (this.#addTo(this.#refusals, apiKey, 1, this.#refusalsMax / 60) <= this.#refusalsMax) return;
    this.#lockedOut.set(apiKey, this.#monotonicMs() + this.#banMs);
  }

  ban(ms: number): void {
    this.#allLockedOutUntilMs = this.#monotonicMs() + ms;
  }

  #trade(apiKey: string, pair: string, weight: number): void {
    if (!this.#tier) return;
    const used = this.#add(`trades ${apiKey} ${pair}`, weight, this.#tier.tradesPerS);
    if (used > this.#tier.trades) throw errors.tradingLimited();
  }

  #add(name: string, weight: number, perS: number): number {
    return this.#addTo(this.#counters, name, weight, perS);
  }

  #addTo(counters: Map<string, Counter>, name: string, weight: number, perS: number): number {
    const nowMs = this.#monotonicMs();
    const { value, atMs } = counters.get(name) ?? { value: 0, atMs: nowMs };
    const left = Math.max(0, value - ((nowMs - atMs) / 1000) * perS);
    counters.set(name, { value: left + weight, atMs: nowMs });
    return left + weight;
  }
}
