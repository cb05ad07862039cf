import { decimal } from '../../src/core/money.js';
import type { BarRecord } from '../../src/core/records.js';
import { BAR_MS, rulesOf, SYMBOLS } from './simulated-market.js';
import type { MonthTruth } from './verdicts.js';

const DAY_MS = 86_400_000;

/** A position from its first unit to its last, by the exchange's own trades; bars are those of the orders. */
interface Held {
  readonly entryBarMs: number;
  readonly exitBarMs: number;
  /** Closed by its stop, or by what stands in for one that could not rest: no signal was asked. */
  readonly stopped: boolean;
  /** One of its orders went on executing after its end: the trader may take it for two positions, or for none so far. */
  readonly unclear: boolean;
}

/** The rules that decisions keep over the whole month, whatever happened in between: ages, the day's loss, the cool-down. */
export async function verdictOnRules(truth: MonthTruth): Promise<string[]> {
  const { store, config } = truth;
  const { minHoldingBars = 0, maxHoldingBars = Number.POSITIVE_INFINITY } = config.signals;
  const flaws: string[] = [];
  const decisions = await store.decisions();
  const barOf = new Map(
    (await store.orderEvents()).map(({ order }) => [order.clientOrderId, order.barOpenMs]),
  );
  for (const symbol of SYMBOLS) {
    const positions = positionsOf(symbol, truth, barOf);
    for (const { entryBarMs, exitBarMs, stopped } of positions) {
      const bars = (exitBarMs - entryBarMs) / BAR_MS;
      if (bars < minHoldingBars && !stopped) flaws.push(`${symbol} was closed after ${bars} bars`);
    }
    for (const { stream, candle, signal } of decisions) {
      if (stream.symbol !== symbol || !signal?.held) continue;
      const held = positions.find(
        ({ entryBarMs, exitBarMs }) => entryBarMs < candle.openMs && candle.openMs <= exitBarMs,
      );
      if (held === undefined || held.unclear) continue;
      if ((candle.openMs - held.entryBarMs) / BAR_MS < maxHoldingBars) continue;
      if (signal.kind !== 'signal' || signal.direction !== 'flat')
        flaws.push(`${symbol} is held for too long at ${candle.openMs}, and nothing is said`);
    }
  }
  flaws.push(...verdictOnDays(decisions, truth));
  for (const { stream, candle, risk } of decisions) {
    if (risk?.kind !== 'order' || risk.side === 'sell') continue;
    const { losingTrades, barsSinceLoss } = risk.inputs;
    const cooling =
      losingTrades >= config.risk.cooldownLosses! && (barsSinceLoss ?? 0) < config.risk.cooldownBars!;
    if (cooling) flaws.push(`${stream.symbol} was bought at ${candle.openMs} in the cool-down`);
  }
  return flaws;
}

/** Nothing is bought on a day (UTC) that has lost its limit, computed again from the snapshots in the order they were made. */
function verdictOnDays(decisions: readonly BarRecord[], { config, transfers }: MonthTruth): string[] {
  const flaws: string[] = [];
  let dayMs = 0;
  let start = 0;
  let low = 0;
  let last = 0;
  const made = decisions.filter(({ account }) => account !== null);
  for (const { candle, account, risk } of made.sort((a, b) => a.account!.atMs - b.account!.atMs)) {
    const { equity } = account!;
    const day = Math.floor((candle.openMs + BAR_MS - 1) / DAY_MS) * DAY_MS;
    if (day > dayMs) {
      start = dayMs === 0 ? equity : last;
      low = equity;
      dayMs = day;
    }
    low = Math.min(low, equity);
    last = equity;
    // Money that came or went moves the figures: such a day is judged by the tests of the day's loss.
    const moved = transfers.some(({ atMs }) => Math.abs(atMs - dayMs) < 2 * DAY_MS);
    if (moved || risk?.kind !== 'order' || risk.side === 'sell') continue;
    const loss = (start - low) / start;
    if (loss >= config.risk.dailyLossFraction!)
      flaws.push(`bought at ${candle.openMs} after a day's loss of ${loss}`);
  }
  return flaws;
}

function positionsOf(
  symbol: string,
  { engine, config, late }: MonthTruth,
  barOf: ReadonlyMap<string, number>,
): Held[] {
  const step = rulesOf(symbol).amountStep;
  const base = symbol.split('/')[0]!;
  const positions: Held[] = [];
  let units = decimal(0);
  let entryBarMs: number | null = null;
  let unclear = false;
  for (const trade of engine.ledger.trades) {
    if (trade.symbol !== symbol) continue;
    const orderBarMs = barOf.get(trade.clientOrderId);
    if (orderBarMs === undefined) return positions;
    // A stop is as old as its placing, and executed at the close of the bar that triggered it.
    const stop = engine.orders.find(({ orderId }) => orderId === trade.orderId)?.trigger !== undefined;
    const barMs = stop ? Math.floor(trade.atMs / BAR_MS) * BAR_MS - BAR_MS : orderBarMs;
    const stopped = trade.side === 'sell' && (config.risk.protectiveStopPct ?? 0) > 0;
    units = trade.side === 'buy' ? units.plus(trade.amount) : units.minus(trade.amount);
    if (trade.feeAsset === base) units = units.minus(trade.fee);
    unclear ||= late.has(trade.clientOrderId);
    if (entryBarMs === null && units.gte(step)) entryBarMs = barMs;
    else if (entryBarMs !== null && units.lt(step)) {
      positions.push({ entryBarMs, exitBarMs: barMs, stopped, unclear });
      entryBarMs = null;
      unclear = false;
    }
  }
  if (entryBarMs !== null)
    positions.push({ entryBarMs, exitBarMs: Number.POSITIVE_INFINITY, stopped: false, unclear });
  return positions;
}
