import { decimal } from '../../src/core/money.js';
import type { OrderRequest } from '../../src/core/order.js';
import type { CapitalFlow } from '../../src/core/records.js';
import { REGIME_DEFAULTS } from '../../src/core/regime.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { Reconciliation } from '../../src/execution/reconciliation.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import type { PipelineConfig } from '../../src/pipeline/pipeline-api.js';
import type { FeatureKernel } from '../../src/ports/model.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { CONFIG } from '../support/tiny-stream.js';
import { EventClock } from './event-clock.js';
import { createFaultPlan } from './fault-plan.js';
import { type Fate, Life } from './life.js';
import { createSimulatedBroker } from './simulated-broker.js';
import { createSimulatedFeed, type SimulatedFeed } from './simulated-feed.js';
import { createSimulatedGuard } from './simulated-guard.js';
import { ACCOUNT, BAR_MS, EXCHANGE, START_MS, simulatedMarket } from './simulated-market.js';
import { createSimulatedOrderStream } from './simulated-order-stream.js';
import { CLASSIFIER, startTrader } from './simulated-trader.js';
import { createTrace, NO_TRACE } from './trace.js';
import { type LeavingOrder, verdictOnLeaving, verdictOnMonth } from './verdicts.js';

export interface MonthOptions {
  readonly seed: number;
  readonly bars: number;
  readonly kernel: FeatureKernel;
  /** Takes a line for each event, order, fill and state of the month. */
  readonly write?: (line: string) => void;
}

/** What a seed's month came to. `flaws` is empty where every promise was kept. */
export interface Month {
  readonly seed: number;
  readonly flaws: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const HISTORY_BARS = 40;
/** Calls in which a death hurts most, and how likely it is there; elsewhere it is rarer. */
const ORDER_PATH = new Set(['recordOrder', 'recordFills', 'create', 'recordFlows']);
const DEATH_ON_PATH = 0.004;
const DEATH_ELSEWHERE = 0.0002;

export const SIM_CONFIG: PipelineConfig = {
  ...CONFIG,
  mode: 'live',
  signals: {
    ...CONFIG.signals,
    minSignalIntervalBars: 2,
    convictionBars: 6,
    minHoldingBars: 3,
    maxHoldingBars: 12,
    allowRegimes: ['calm', 'normal', 'up', 'flat'],
    regime: { ...REGIME_DEFAULTS, lookBackBars: 40, volatilityBars: 8, trendBars: 12 },
  },
  risk: {
    ...CONFIG.risk,
    drawdownHaltFraction: 0.03,
    grossFractionMax: 0.15,
    correlationMax: 0.8,
    correlationBars: 60,
    dailyLossFraction: 0.006,
    cooldownLosses: 4,
    cooldownBars: 5,
  },
};

/** A third of the seeds protects positions by stops. Half of the seeds send limit orders, in part of them so tight that the thin book often ends before the order does. */
function configOf(seed: number): PipelineConfig {
  const limited = seed % 2 === 0;
  return {
    ...SIM_CONFIG,
    // A bar moves by 1.5 % at most: such stops are triggered often.
    risk: { ...SIM_CONFIG.risk, protectiveStopPct: seed % 3 === 0 ? 1 + (seed % 5) / 2 : 0 },
    execution: {
      ...SIM_CONFIG.execution,
      orderType: limited ? 'limit_ioc' : 'market',
      limitCollarFraction: seed % 4 === 0 ? 0.0003 : 0.002,
    },
  };
}

/** A trading month of three symbols with all faults on, then a healthy hour in which everything must come to rest. */
export async function tradingMonth({ seed, bars, kernel, write }: MonthOptions): Promise<Month> {
  const config = configOf(seed);
  const rng = seededRng(seed);
  const flaws: string[] = [];
  const clock = new EventClock(START_MS + HISTORY_BARS * BAR_MS);
  const trace = write === undefined ? NO_TRACE : createTrace(clock, write);
  const exchange = simulatedMarket(seededRng(seed + 1_000_000), bars, HISTORY_BARS, clock);
  const { engine } = exchange.account(ACCOUNT)!;
  const plan = createFaultPlan(rng, { request: 0.12, fate: 0.25 });
  const guard = createSimulatedGuard(clock, trace);
  const store = new MemoryStore();
  const transfers: CapitalFlow[] = [];
  const left: LeavingOrder[] = [];
  const taken = new Map<string, number>();
  const rejected = new Set<string>();
  const reported = new Set<string>();
  /** Executions after the end of their order, which the trader cannot know before it compares. */
  let lateFills: { readonly order: OrderRequest; readonly amount: string; readonly atMs: number }[] = [];
  /** The orders of all such executions. */
  const late = new Set<string>();
  /** Withdrawals that the trader cannot know before it compares. */
  let withdrawals: { readonly amount: number; readonly atMs: number }[] = [];
  /** When the exchange last made its answer. A comparison knows nothing of what came later, though it ends later and agrees. */
  const answeredMs = { history: 0, transfers: 0 };
  const resumesMs: number[] = [];
  let reconciled: Reconciliation['kind'] | null = null;
  let trader: { readonly pipeline: Pipeline } | null = null;
  let feed: SimulatedFeed | null = null;
  let life: Life | null = null;
  let lives = 0;
  let words = 0;

  function fate(call: string): Fate {
    if (plan.healthy || rng.next() >= (ORDER_PATH.has(call) ? DEATH_ON_PATH : DEATH_ELSEWHERE))
      return 'goes_on';
    return rng.next() < 0.5 ? 'dies_before' : 'dies_after';
  }

  function onLeaving(order: OrderRequest, quote: { readonly bid: number; readonly ask: number }): void {
    const entry: LeavingOrder = {
      order,
      quote,
      atMs: clock.wallMs(),
      permit: guard.permit(),
      agreed: reconciled === 'agreed' || reconciled === 'unresolved' || reconciled === 'unreachable',
      breakerTripped: trader?.pipeline.state().account.breakerTripped ?? false,
      unknownLate: (symbol) =>
        lateFills
          .filter((late) => late.order.symbol === symbol && late.order.clientOrderId !== order.clientOrderId)
          .reduce((sum, late) => sum.plus(late.amount), decimal(0))
          .toNumber(),
      unknownWithdrawn: withdrawals.reduce((sum, { amount }) => sum + amount, 0),
    };
    left.push(entry);
    const wrong = verdictOnLeaving(entry, exchange, config);
    trace('order leaves', order, { permit: entry.permit, agreed: entry.agreed, quote });
    for (const flaw of wrong) trace('FLAW', flaw);
    flaws.push(...wrong);
  }

  async function live(): Promise<void> {
    trace('life begins', { life: lives });
    const mine = new Life(
      lives++,
      fate,
      () => {
        guard.serve(null);
        trader = null;
        clock.after(1000 + rng.next() * rng.next() * 3 * BAR_MS, () => void live());
      },
      trace,
    );
    life = mine;
    reconciled = null;
    feed = createSimulatedFeed(exchange, clock, plan, mine);
    try {
      const started = await startTrader({
        config,
        life: mine,
        clock,
        store,
        feed,
        guard,
        kernel,
        classifier: CLASSIFIER,
        rng: seededRng(seed * 4096 + lives),
        makeBroker: (mayLeave) =>
          createSimulatedBroker({
            exchange,
            clock,
            plan,
            transfers,
            mayLeave,
            onLeaving,
            onRejected: ({ clientOrderId }) => void rejected.add(clientOrderId),
            onTaken: ({ clientOrderId }) => {
              trace('order taken', clientOrderId);
              taken.set(clientOrderId, (taken.get(clientOrderId) ?? 0) + 1);
            },
            onLateFill(order, amount) {
              trace('late fill', { id: order.clientOrderId, amount });
              lateFills.push({ order, amount, atMs: clock.wallMs() });
              late.add(order.clientOrderId);
            },
            onAnswered: (question) => {
              answeredMs[question] = clock.wallMs();
            },
          }),
        orders: createSimulatedOrderStream(exchange, clock, plan, mine, (hint) => {
          words++;
          trace('order update', hint);
        }),
        onReconciled: (result) => {
          trace('compared', result);
          if (result.kind === 'agreed') {
            lateFills = lateFills.filter(({ atMs }) => atMs > answeredMs.history);
            withdrawals = withdrawals.filter(({ atMs }) => atMs > answeredMs.transfers);
          }
          if (result.kind === 'agreed' || result.kind === 'mismatch') reconciled = result.kind;
          else if (reconciled === null) return;
        },
        alerts: { raise: async () => undefined },
        onReported: ({ symbol, fillId }) => void reported.add(`${symbol} ${fillId}`),
      });
      trader = started;
      await started.ended;
    } catch (error) {
      // A fault that the process cannot live with ends it, and the box starts it again; a broken invariant is a flaw.
      if (String(error).includes('invariant')) flaws.push(String(error));
      mine.end('fault');
    }
  }

  function moveCapital(): void {
    const amount =
      rng.next() < 0.6 ? 500 + Math.floor(rng.next() * 3000) : -(500 + Math.floor(rng.next() * 1000));
    if (engine.ledger.holding('USDT').free.lt(-amount)) return;
    engine.ledger.credit('USDT', decimal(amount));
    if (amount < 0) withdrawals.push({ amount: -amount, atMs: clock.wallMs() });
    trace('transfer', { amount });
    transfers.push({
      exchange: EXCHANGE,
      flowId: `t${transfers.length + 1}`,
      kind: amount > 0 ? 'deposit' : 'withdrawal',
      currency: 'USDT',
      amount: String(amount),
      atMs: clock.wallMs(),
    });
  }

  function bar(): void {
    for (const { instrument, candle } of exchange.step()) {
      trace('bar closes', instrument.symbol, candle);
      if (life && !life.dead) feed?.barClosed(instrument.symbol, candle);
    }
    if (plan.healthy) return;
    guard.aroundBar(rng);
    if (rng.next() < 0.004) clock.after(rng.next() * BAR_MS, moveCapital);
    if (rng.next() < 0.1 && trader?.pipeline.state().account.breakerTripped) {
      resumesMs.push(clock.wallMs());
      // A life that ends meanwhile takes the word with it, or has written it down.
      trader.pipeline.rebasePeak('a person').catch(() => undefined);
    }
  }

  const endMs = START_MS + (HISTORY_BARS + bars) * BAR_MS;
  for (let atMs = clock.wallMs() + BAR_MS; atMs < endMs; atMs += BAR_MS)
    clock.after(atMs - clock.wallMs(), bar);
  clock.after(0, () => void live());
  await clock.runUntil(endMs - BAR_MS - 60_000);
  plan.heal();
  guard.heal();
  await clock.runUntil(endMs + 4 * BAR_MS);

  flaws.push(
    ...(await verdictOnMonth({
      store,
      engine,
      taken,
      rejected,
      reported,
      late,
      trader,
      reconciled,
      transfers,
      resumesMs,
      config,
    })),
  );
  return {
    seed,
    flaws,
    counts: {
      orders: left.length,
      trades: engine.ledger.trades.length,
      stops: engine.orders.filter(({ trigger }) => trigger).length,
      triggered: engine.orders.filter(({ triggered }) => triggered).length,
      lives,
      words,
      halts: guard.halts,
      transfers: transfers.length,
      resumes: resumesMs.length,
      faults: Object.values(plan.drawn).reduce((sum, count) => sum + count, 0),
    },
  };
}
