import type { Candle, StreamKey } from '../core/candle.js';
import { text } from '../core/money.js';
import type { Quote } from '../core/order.js';
import { timeframeMs } from '../core/timeframe.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import type { RestoredState } from '../ports.js';
import type { Account } from './account.js';
import { quoteToDecideOn } from './decision-quote.js';
import {
  createExecution,
  createOrderGate,
  createReconciler,
  type Execution,
  type ExecutionOutcome,
  type OrderIntent,
  type Reconciliation,
} from './execution/index.js';
import { flattenLanes } from './flatten.js';
import type { Lane } from './lane.js';
import type { PipelineDeps } from './pipeline-api.js';

/** recvWindow and margin of a live order: before that a second "not found" says nothing. */
const LIVE_SETTLE_MS = 5000;

const NOTHING_SETTLED: readonly ExecutionOutcome[] = [];

/** Everything between a decision and the exchange: execution behind its gate, and the comparison with the exchange. */
export interface OrderDesk {
  readonly execution: Execution;
  /** The box's state for a bar: at most REDUCING until exchange and store agree. */
  stateFor(key: StreamKey, openMs: number): TradingState;
  /** Top of book to decide on; at once where it is known at once. */
  quote(lane: Lane, candle: Candle): Quote | Promise<Quote>;
  send(lane: Lane, candle: Candle, decision: OrderIntent['decision']): Promise<ExecutionOutcome>;
  /** Asks once for each order whose outcome is unknown. */
  settleOnce(): Promise<readonly ExecutionOutcome[]>;
  /** Orders settled between bars, to be told with the next one: whoever hears of bars hears of every fill. Each once. */
  takeUntold(): readonly ExecutionOutcome[];
  /** Null with a paper broker. */
  reconcile(): Promise<Reconciliation | null>;
  /** Closes every position through the gate. What could not be closed, in words. */
  flatten(lanes: readonly Lane[]): Promise<readonly string[]>;
  /** Before the account takes up the same state. */
  restoreComparison(restored: RestoredState): void;
  /** Takes over the open orders of the last run, asks for them, and compares with the exchange. */
  open(restored: RestoredState): Promise<void>;
}

export function createOrderDesk(deps: PipelineDeps, { portfolio, capital }: Account): OrderDesk {
  const { config, clock, store, broker } = deps;
  /** The bar being decided, for the gate's question about the state. */
  let current: { readonly key: StreamKey; readonly openMs: number } | null = null;
  const untold: ExecutionOutcome[] = [];

  const execution = createExecution(
    {
      store,
      broker,
      clock,
      ids: deps.ids,
      portfolio,
      makeGate: (isBlocked) =>
        createOrderGate(
          {
            broker,
            permit: deps.permit,
            clock,
            isBlocked,
            tradingState: () => (current === null ? 'HALTED' : stateFor(current.key, current.openMs)),
            unitsHeld: (exchange, symbol) => text(portfolio.book(exchange, symbol).units),
            equity: portfolio.equity,
          },
          config.execution,
        ),
    },
    {
      triesMax: config.execution.triesMax,
      backoffMs: config.execution.backoffMs,
      settleMs: broker.kind === 'paper' ? 0 : LIVE_SETTLE_MS,
    },
  );

  /** Paper trades against itself: there is nobody to agree with. */
  const reconciler =
    broker.kind === 'paper'
      ? null
      : createReconciler({
          store,
          broker,
          clock,
          portfolio,
          execution,
          symbols: [...new Set(deps.streams.map(({ key }) => key.symbol))],
          prefix: deps.ids.prefix,
          barBefore: (atMs) => {
            const barMs = timeframeMs(deps.streams[0]!.key.timeframe);
            return Math.floor(atMs / barMs) * barMs - barMs;
          },
          onCapital: capital,
        });

  function stateFor(key: StreamKey, openMs: number): TradingState {
    const state = deps.tradingState(key, openMs);
    return reconciler === null || reconciler.agreed ? state : stricter(state, 'REDUCING');
  }

  async function settleOnce(): Promise<readonly ExecutionOutcome[]> {
    const settled = await execution.settleOnce();
    untold.push(...settled);
    return settled;
  }

  const quote = (lane: Lane, candle: Candle) => quoteToDecideOn(deps.quoteFor, lane.setup.key, candle);

  async function send(
    lane: Lane,
    candle: Candle,
    decision: OrderIntent['decision'],
  ): Promise<ExecutionOutcome> {
    const { key, rules } = lane.setup;
    current = { key, openMs: candle.openMs };
    try {
      return await execution.submit({
        exchange: key.exchange,
        decision,
        rules,
        barOpenMs: candle.openMs,
        decisionPrice: candle.close,
        refreshQuote: async () => deps.quoteFor(key, candle),
      });
    } finally {
      current = null;
    }
  }

  return {
    execution,
    stateFor,
    quote,
    send,
    settleOnce,
    takeUntold: () => (untold.length === 0 ? NOTHING_SETTLED : untold.splice(0)),
    async reconcile() {
      if (reconciler === null) return null;
      const result = await reconciler.compare();
      if (result.kind !== 'unreachable') untold.push(...result.taken);
      return result;
    },
    async flatten(lanes) {
      if (execution.unsettledCount > 0) await settleOnce();
      const { outcomes, unclosed } = await flattenLanes(lanes, {
        quote: async (lane, candle) => quote(lane, candle),
        send,
      });
      untold.push(...outcomes);
      return unclosed;
    },
    restoreComparison: (restored) => reconciler?.restore(restored),
    async open(restored) {
      await execution.restore(restored.openOrders, restored.fills);
      if (execution.unsettledCount > 0) await settleOnce();
      await reconciler?.open();
    },
  };
}
