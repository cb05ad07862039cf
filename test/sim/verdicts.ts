import { streamName } from '../../src/core/candle.js';
import { decimal, floorToStep } from '../../src/core/money.js';
import { isFinal, isUnplaced, type OrderRequest } from '../../src/core/order.js';
import type { CapitalFlow } from '../../src/core/records.js';
import { EXIT_BOUNDS } from '../../src/execution/exit-bound.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import type { PipelineConfig } from '../../src/pipeline/pipeline-api.js';
import type { PermitReading } from '../../src/ports/guard.js';
import type { OrderEngine } from '../../src/simulator/order-engine.js';
import type { SimulatedExchange } from '../../src/simulator/simulated-exchange.js';
import type { MemoryStore } from '../support/memory-store/memory-store.js';
import { verdictOnRules } from './rule-verdicts.js';
import { ACCOUNT, BAR_MS, CASH, CORRELATED, EXCHANGE, rulesOf, SYMBOLS } from './simulated-market.js';

/** An order at the moment it left the box, and the truth about the world then. */
export interface LeavingOrder {
  readonly order: OrderRequest;
  readonly quote: { readonly bid: number; readonly ask: number };
  readonly atMs: number;
  readonly permit: PermitReading;
  /** The last comparison with the exchange that came to an end agreed. */
  readonly agreed: boolean;
  readonly breakerTripped: boolean;
  /** Units of a symbol executed after the end of their orders that the trader cannot know of yet. */
  readonly unknownLate: (symbol: string) => number;
  /** Quote units withdrawn since the last comparison: caps are shares of an equity that does not know of it. */
  readonly unknownWithdrawn: number;
}

/** What a bar's move may add between decision and truth: the marks of the other symbols, and the walk through the book. */
const TOLERANCE = 1.02;

/** A bar's close moves no further in the simulated market. */
const BAR_MOVE_MAX = 0.016;

/** A late bar and three tries through a slow line; a decision on history would be an hour old at least. */
const DECISION_LATE_MS_MAX = 900_000;

/** What was wrong with letting this order go; empty when nothing was. */
export function verdictOnLeaving(
  leaving: LeavingOrder,
  exchange: SimulatedExchange,
  config: PipelineConfig,
): string[] {
  const { order, quote, permit } = leaving;
  const { engine } = exchange.account(ACCOUNT)!;
  const { ledger } = engine;
  const name = `${order.clientOrderId} (${order.side} ${order.amount} ${order.symbol})`;
  const base = order.symbol.split('/')[0]!;
  // A stop locks what it protects: no order that closes the same may leave beside it.
  const held = ledger.holding(base).free;
  // What an exchange sells after the end of its order is no knowledge of the trader's.
  const shrinks = order.side === 'sell' && held.plus(leaving.unknownLate(order.symbol)).gte(order.amount);
  const flaws: string[] = [];
  if (order.side === 'sell' && !shrinks) flaws.push(`${name} left for more than is held`);
  if (order.type === 'stop') {
    if (!(Number(order.triggerPrice) > 0)) flaws.push(`${name} left without a trigger`);
    return permit.ok ? flaws : [...flaws, `${name} left without a permit: ${permit.reason}`];
  }
  const limit = Number(order.limitPrice ?? (order.side === 'buy' ? quote.ask : quote.bid));
  // Another try keeps its limit while the quote continues: the market may move by a bar in between, the collar may not.
  const beyond = order.side === 'buy' ? limit / quote.ask - 1 : 1 - limit / quote.bid;
  const { orderType, limitCollarFraction } = config.execution;
  // What closes beside a decision, where a stop could not rest, is given more room with each try.
  const room =
    order.side === 'sell' && config.risk.protectiveStopPct ? EXIT_BOUNDS.at(-1)! : limitCollarFraction;
  if (order.type !== orderType || (order.type === 'limit_ioc') !== (order.limitPrice !== undefined))
    flaws.push(`${name} left as ${order.type} ${order.limitPrice}`);
  if (orderType === 'limit_ioc' && !(beyond <= room + BAR_MOVE_MAX))
    flaws.push(`${name} left with a limit of ${limit}, quote ${quote.bid} ${quote.ask}`);
  const lateMs = leaving.atMs - (order.barOpenMs + BAR_MS);
  // With stops a position may be closed between bars: when its stop would have been triggered while none rested.
  const decided = order.side === 'buy' || !config.risk.protectiveStopPct;
  if (decided && lateMs > DECISION_LATE_MS_MAX)
    flaws.push(`${name} left ${lateMs} ms after the bar it was decided on`);
  if (!permit.ok) flaws.push(`${name} left without a permit: ${permit.reason}`);
  else if (permit.state !== 'ACTIVE' && !shrinks) flaws.push(`${name} left while ${permit.state}`);
  if (!leaving.agreed && order.side === 'buy') flaws.push(`${name} left before exchange and store agreed`);
  if (leaving.breakerTripped && order.side === 'buy')
    flaws.push(`${name} left after the circuit breaker tripped`);
  if (order.side === 'sell') return flaws;

  let equity = ledger.holding('USDT').free.toNumber() + leaving.unknownWithdrawn;
  const worth = new Map<string, number>();
  for (const symbol of SYMBOLS) {
    const close = exchange.replay.lastClose(exchange.replay.instrument(symbol.replace('/', ''))!)!;
    const { free, locked } = ledger.holding(symbol.split('/')[0]!);
    const units = free.plus(locked).toNumber();
    equity += units * close;
    const known = Math.max(0, units - leaving.unknownLate(symbol));
    worth.set(symbol, symbol === order.symbol ? (known + Number(order.amount)) * quote.ask : known * close);
  }
  const together = (symbols: readonly string[]) =>
    symbols.reduce((sum, symbol) => sum + worth.get(symbol)!, 0) / (equity * TOLERANCE);
  const notional = Number(order.amount) * quote.ask;
  if (notional > config.execution.notionalMaxFraction * equity * TOLERANCE) {
    flaws.push(`${name} is worth ${notional}, above the gate's cap of equity ${equity}`);
  }
  const cap = config.risk.maxPositionFraction;
  if (together([order.symbol]) > cap) {
    flaws.push(
      `${name} makes a position worth ${worth.get(order.symbol)}, above the cap of equity ${equity}`,
    );
  }
  if (together(SYMBOLS) > config.risk.grossFractionMax!) {
    flaws.push(`${name} makes positions worth ${together(SYMBOLS)} of equity, above the gross cap`);
  }
  if (CORRELATED.some((symbol) => symbol === order.symbol) && together(CORRELATED) > cap) {
    flaws.push(`${name} makes correlated positions worth ${together(CORRELATED)} of equity, above their cap`);
  }
  return flaws;
}

export interface MonthTruth {
  readonly store: MemoryStore;
  readonly engine: OrderEngine;
  /** How often the exchange took an order of each client order id. */
  readonly taken: ReadonlyMap<string, number>;
  /** Orders that the exchange rejected for good. */
  readonly rejected: ReadonlySet<string>;
  /** Symbol and id of each fill whose alert was raised. */
  readonly reported: ReadonlySet<string>;
  /** Orders of which a part was executed after they were told as ended. */
  readonly late: ReadonlySet<string>;
  readonly trader: { readonly pipeline: Pipeline } | null;
  readonly reconciled: string | null;
  readonly transfers: readonly CapitalFlow[];
  readonly resumesMs: readonly number[];
  readonly config: PipelineConfig;
}

/** What the month left behind against what the exchange knows. */
export async function verdictOnMonth(truth: MonthTruth): Promise<string[]> {
  const { store, engine, trader } = truth;
  const flaws: string[] = [];
  for (const [id, times] of truth.taken) if (times > 1) flaws.push(`${id} was placed ${times} times`);

  const stored = (await store.fills()).map((fill) => Object.values(canonical(fill)).join(' ')).sort();
  const real = engine.ledger.trades
    .map((trade) =>
      Object.values(
        canonical({
          clientOrderId: trade.clientOrderId,
          fillId: String(trade.tradeId),
          symbol: trade.symbol,
          side: trade.side,
          price: trade.price,
          amount: trade.amount,
          fee: trade.fee,
          feeCurrency: trade.feeAsset,
        }),
      ).join(' '),
    )
    .sort();
  const [told, true_] = [new Set(stored), new Set(real)];
  for (const fill of stored) if (!true_.has(fill)) flaws.push(`invented fill: ${fill}`);
  for (const fill of real) if (!told.has(fill)) flaws.push(`lost fill: ${fill}`);
  if (new Set(stored).size !== stored.length) flaws.push('a fill is stored twice');

  for (const { symbol, fillId } of await store.fills())
    if (!truth.reported.has(`${symbol} ${fillId}`)) flaws.push(`no one was told of fill ${symbol} ${fillId}`);
  const { unreportedFills } = await store.restore();
  if (unreportedFills.length > 0) flaws.push(`${unreportedFills.length} fills count as unreported`);

  flaws.push(...verdictOnStops(truth));
  flaws.push(...(await verdictOnOrders(truth)));
  if (trader === null) flaws.push('the trader is not up at the end');
  else flaws.push(...verdictOnMoney(trader.pipeline, engine, truth));
  if (truth.reconciled !== 'agreed') flaws.push(`the last comparison came to ${truth.reconciled}`);
  flaws.push(...(await verdictOnDecisions(truth)));
  flaws.push(...(await verdictOnRules(truth)));
  return flaws;
}

/** Nothing rests but a stop for each position that can have one, of its size. */
function verdictOnStops({ engine, config, trader }: MonthTruth): string[] {
  const flaws: string[] = [];
  const { protectiveStopPct = 0 } = config.risk;
  for (const order of engine.resting) if (!order.trigger) flaws.push(`${order.clientOrderId} rests`);
  for (const symbol of SYMBOLS) {
    const stops = engine.resting.filter(({ trigger, instrument }) => trigger && instrument.symbol === symbol);
    const { free, locked } = engine.ledger.holding(symbol.split('/')[0]!);
    const amount = floorToStep(free.plus(locked), decimal(rulesOf(symbol).amountStep));
    const price = trader?.pipeline.portfolio.book(EXCHANGE, symbol).markPrice ?? 0;
    // What is worth less than an order may be cannot have one.
    const worthOne = amount.times(price).gt(Number(rulesOf(symbol).notionalMin) * 1.2);
    if (stops.length > 1) flaws.push(`${symbol} has ${stops.length} stops`);
    if (stops.length === 1 && !stops[0]!.amount.eq(amount))
      flaws.push(`${symbol}: a stop of ${stops[0]!.amount.toFixed()}, and ${amount.toFixed()} held`);
    // The last book may have been eaten to its end: then the price is beyond the trigger, nothing can be sold, and that is told.
    const told = trader?.pipeline.orders
      .unprotected(EXCHANGE)
      .some((each) => each.symbol === symbol && each.detail.includes('could not be closed'));
    if (stops.length === 0 && worthOne && protectiveStopPct > 0 && !told)
      flaws.push(`${symbol}: ${amount.toFixed()} held without a stop`);
    if (stops.length > 0 && protectiveStopPct === 0) flaws.push(`${symbol} has a stop, and wants none`);
  }
  return flaws;
}

async function verdictOnOrders({ store, engine, rejected }: MonthTruth): Promise<string[]> {
  const flaws: string[] = [];
  const events = await store.orderEvents();
  const placed = new Set(engine.orders.map((order) => order.clientOrderId));
  for (const { order, status, reason } of events) {
    const id = order.clientOrderId;
    if (isUnplaced(status) && placed.has(id)) flaws.push(`${id} is ${status}, and the exchange had it`);
    if (status === 'rejected' && !rejected.has(id))
      flaws.push(`${id} is rejected, and the exchange did not reject it`);
    if ((status === 'denied') !== (reason !== null))
      flaws.push(`${id} is ${status} with the reason ${reason}`);
  }
  const last = new Map(events.map((event) => [event.order.clientOrderId, event]));
  const resting = new Set(engine.resting.map(({ clientOrderId }) => clientOrderId));
  for (const [id, event] of last) {
    const rests = event.order.type === 'stop' && event.status === 'accepted' && resting.has(id);
    if (!isFinal(event.status) && !rests) flaws.push(`${id} ended as ${event.status}`);
  }
  for (const order of engine.orders) {
    const event = last.get(order.clientOrderId);
    if (!event) flaws.push(`${order.clientOrderId} is at the exchange, and the store has no word of it`);
    else if (!order.filled.eq(event.filled)) {
      flaws.push(`${order.clientOrderId} filled ${order.filled.toFixed()}, stored as ${event.filled}`);
    }
  }
  return flaws;
}

function verdictOnMoney(pipeline: Pipeline, engine: OrderEngine, truth: MonthTruth): string[] {
  const flaws: string[] = [];
  if (pipeline.state().unresolvedOrders > 0)
    flaws.push(`${pipeline.state().unresolvedOrders} orders never settled`);
  const moved = pipeline.portfolio.moved(EXCHANGE);
  const capital = truth.transfers.reduce((sum, flow) => sum.plus(flow.amount), decimal(CASH));
  const cash = engine.ledger.holding('USDT').free;
  const told = capital.plus(moved.get('USDT') ?? 0);
  if (!told.eq(cash)) flaws.push(`cash is ${told.toFixed()}, at the exchange ${cash.toFixed()}`);
  if (pipeline.portfolio.cash() !== cash.toNumber()) {
    flaws.push(`the portfolio's cash is ${pipeline.portfolio.cash()}, at the exchange ${cash.toFixed()}`);
  }
  for (const symbol of SYMBOLS) {
    const { free, locked } = engine.ledger.holding(symbol.split('/')[0]!);
    const held = free.plus(locked);
    const { units } = pipeline.portfolio.book(EXCHANGE, symbol);
    if (!units.eq(held)) flaws.push(`${symbol}: ${units.toFixed()} units, at the exchange ${held.toFixed()}`);
  }
  return flaws;
}

/** The interval between acted-on signals, one decision a bar, and a peak that nothing but capital and a person lowers. */
async function verdictOnDecisions({ store, transfers, resumesMs, config }: MonthTruth): Promise<string[]> {
  const flaws: string[] = [];
  const lastActed = new Map<string, number>();
  for (const { stream, candle, risk, signal } of await store.decisions()) {
    if (risk?.kind !== 'order') continue;
    const name = streamName(stream);
    const before = lastActed.get(name);
    lastActed.set(name, candle.openMs);
    // What is too old, or has lost its reason, is closed at once.
    const urgent = signal?.kind === 'signal' && signal.direction === 'flat' && signal.cause !== 'reversal';
    if (before === undefined || urgent) continue;
    const apart = (candle.openMs - before) / BAR_MS;
    if (apart < config.signals.minSignalIntervalBars) flaws.push(`${name} acted twice within ${apart} bars`);
  }
  const intents = (await store.orderEvents()).filter((event) => event.status === 'intended');
  // Beside what a decision sends there are stops, and the closing of what a stop would have closed.
  const decided = intents.filter(
    ({ order }) => order.type !== 'stop' && (order.side === 'buy' || !config.risk.protectiveStopPct),
  );
  const bars = decided.map(({ order }) => `${order.symbol}@${order.barOpenMs}`);
  if (new Set(bars).size !== bars.length) flaws.push('a bar was acted on twice');
  let before: { atMs: number; peakEquity: number; breakerTripped: boolean } | null = null;
  const withdrawals = transfers.filter(({ kind }) => kind === 'withdrawal').length;
  for (const account of await store.equityCurve()) {
    const resumed: boolean = resumesMs.some(
      (atMs) => before !== null && atMs >= before.atMs && atMs <= account.atMs,
    );
    if (before && !resumed && account.peakEquity < before.peakEquity && withdrawals === 0) {
      flaws.push(`the peak fell from ${before.peakEquity} to ${account.peakEquity}`);
    }
    if (before?.breakerTripped && !account.breakerTripped && !resumed)
      flaws.push('the circuit breaker came loose');
    before = account;
  }
  return flaws;
}

function canonical(fill: {
  clientOrderId: string;
  fillId: string;
  symbol: string;
  side: string;
  price: string;
  amount: string;
  fee: string;
  feeCurrency: string;
}) {
  const { clientOrderId, fillId, symbol, side, feeCurrency } = fill;
  const [price, amount, fee] = [fill.price, fill.amount, fill.fee].map((figure) => decimal(figure).toFixed());
  return { clientOrderId, fillId, symbol, side, price, amount, fee, feeCurrency };
}
