import { rebasedAccount } from '../../../src/adapters/store-rules/account-rules.js';
import {
  barConflict,
  checkBar,
  hasDecision,
  outcomeConflict,
  RESTORED_PREDICTIONS,
  sameCandle,
  storeClosed,
  wholeMsOrNull,
} from '../../../src/adapters/store-rules/bar-rules.js';
import {
  canonicalFill,
  canonicalFlow,
  canonicalOrderEvent,
} from '../../../src/adapters/store-rules/money-text.js';
import type { Alert } from '../../../src/core/alert.js';
import {
  type Candle,
  type CandleColumns,
  candleAt,
  type StreamKey,
  streamName,
  toColumns,
} from '../../../src/core/candle.js';
import { invariant } from '../../../src/core/errors.js';
import { withFeePrices } from '../../../src/core/fee-price.js';
import { type Fill, type FillId, isFinal } from '../../../src/core/order.js';
import type {
  AccountSnapshot,
  BarRecord,
  CapitalFlow,
  Correction,
  Gap,
  HaltRecord,
  KnownCandles,
  ModelRecord,
  OrderEvent,
  PeakRebase,
  PredictionOutcome,
  QuarantinedRow,
  RestoredState,
  RowFilter,
  RunRecord,
  ShadowPrediction,
  StoredPrediction,
} from '../../../src/core/records.js';
import type { Holding } from '../../../src/core/signal.js';
import type { AlertOutbox } from '../../../src/ports/alerts.js';
import type { AuditLog, Store, StoreReader } from '../../../src/ports/store.js';
import { addCandle, noRows, type StreamRows, sortedTimes } from './stream-rows.js';

const DAY_MS = 86_400_000;

/**
 * A store that forgets at the end of the process, for backtest and simulation. It means the same as the one on disk (one
 * suite of tests runs over both); what it is given must not be changed afterwards.
 */
export class MemoryStore implements Store, StoreReader, AuditLog, AlertOutbox {
  readonly #streams = new Map<string, StreamRows>();
  /** The same by the key's own object, which finds them without a name being put together for every bar. */
  readonly #rowsByKey = new WeakMap<StreamKey, StreamRows>();
  /** Bars that brought more than a candle, in the order they were committed. */
  readonly #committed: BarRecord[] = [];
  readonly #orders: OrderEvent[] = [];
  /** Last events of the orders that never had a final one, and the ids of those that had. */
  readonly #openOrders = new Map<string, OrderEvent>();
  readonly #ended = new Set<string>();
  readonly #fills: Fill[] = [];
  readonly #fillIds = new Set<string>();
  readonly #unreported = new Map<string, Fill>();
  readonly #flows = new Map<string, CapitalFlow>();
  readonly #halts: HaltRecord[] = [];
  readonly #rebases: PeakRebase[] = [];
  readonly #quarantine: QuarantinedRow[] = [];
  readonly #quarantineKeys = new Set<string>();
  readonly #corrections = new Map<string, Correction>();
  readonly #gaps = new Map<string, Gap>();
  readonly #models: ModelRecord[] = [];
  readonly #runs: RunRecord[] = [];
  readonly #shadows: ShadowPrediction[] = [];
  readonly #alerts = new Map<string, Alert>();
  #closed = false;

  async commitBar(record: BarRecord, outcomes: readonly PredictionOutcome[] = []): Promise<void> {
    this.#open();
    checkBar(record);
    const rows = this.#rows(record.stream);
    const { openMs } = record.candle;
    const stored = rows.candles.get(openMs);
    if (stored && !sameCandle(stored, record.candle)) throw barConflict(record.stream, stored, record.candle);
    for (const outcome of outcomes) {
      const known = rows.outcomes.get(outcome.openMs);
      if (known !== undefined && known !== outcome.up) throw outcomeConflict(record.stream, outcome.openMs);
    }
    for (const outcome of outcomes) rows.outcomes.set(outcome.openMs, outcome.up);
    if (!stored) addCandle(rows, record.candle, record.availableAtMs);
    if (!hasDecision(record) || rows.decisions.has(openMs)) return;
    rows.decisions.set(openMs, record);
    this.#committed.push(record);
    if (record.risk?.kind === 'order') rows.lastActedMs = Math.max(rows.lastActedMs ?? openMs, openMs);
    if (record.decided && openMs >= (rows.lastDecided?.candle.openMs ?? openMs)) rows.lastDecided = record;
  }

  async addCandles(stream: StreamKey, candles: CandleColumns, availableAtMs: number): Promise<number> {
    this.#open();
    const rows = this.#rows(stream);
    const before = rows.candles.size;
    for (let i = 0; i < candles.length; i++) {
      const candle = candleAt(candles, i);
      invariant(Number.isSafeInteger(candle.openMs), `open time ${candle.openMs} is no whole millisecond`);
      if (!rows.candles.has(candle.openMs)) addCandle(rows, candle, availableAtMs);
    }
    return rows.candles.size - before;
  }

  async quarantine(rows: readonly QuarantinedRow[]): Promise<void> {
    this.#open();
    const keyOf = (r: QuarantinedRow) =>
      JSON.stringify([streamName(r.stream), wholeMsOrNull(r.openMs), r.reason, r.raw]);
    const fresh = rows.filter((row) => !this.#quarantineKeys.has(keyOf(row)));
    for (const row of fresh) {
      this.#quarantineKeys.add(keyOf(row));
      this.#quarantine.push({ ...row, openMs: wholeMsOrNull(row.openMs) ?? Number.NaN });
    }
  }

  async recordCorrection(correction: Correction): Promise<void> {
    this.#open();
    const { stream, stored, corrected } = correction;
    const { openMs, open, high, low, close, volume } = corrected;
    const key = JSON.stringify([streamName(stream), stored.openMs, openMs, open, high, low, close, volume]);
    if (!this.#corrections.has(key)) this.#corrections.set(key, correction);
  }

  async lastCandles(stream: StreamKey, count: number): Promise<readonly Candle[]> {
    this.#open();
    const rows = this.#rows(stream);
    return count <= 0
      ? []
      : sortedTimes(rows)
          .slice(-count)
          .map((openMs) => rows.candles.get(openMs)!);
  }

  async recordOrder(event: OrderEvent, fills: readonly Fill[] = []): Promise<void> {
    this.#open();
    const canonical = canonicalOrderEvent(event);
    await this.recordFills(fills);
    this.#orders.push(canonical);
    const { clientOrderId } = canonical.order;
    // Deleted first, so that the map is in the order of the last events.
    this.#openOrders.delete(clientOrderId);
    if (isFinal(canonical.status)) this.#ended.add(clientOrderId);
    else if (!this.#ended.has(clientOrderId)) this.#openOrders.set(clientOrderId, canonical);
  }

  async recordFills(fills: readonly Fill[]): Promise<void> {
    this.#open();
    for (const fill of fills.map(canonicalFill)) {
      const id = JSON.stringify([fill.exchange, fill.symbol, fill.fillId]);
      if (this.#fillIds.has(id)) continue;
      this.#fillIds.add(id);
      this.#fills.push(fill);
      this.#unreported.set(id, fill);
    }
  }

  async recordReported(fills: readonly FillId[]): Promise<void> {
    this.#open();
    for (const { exchange, symbol, fillId } of fills)
      this.#unreported.delete(JSON.stringify([exchange, symbol, fillId]));
  }

  async recordFlows(flows: readonly CapitalFlow[]): Promise<void> {
    this.#open();
    for (const flow of flows) {
      const id = JSON.stringify([flow.exchange, flow.kind, flow.flowId]);
      if (!this.#flows.has(id)) this.#flows.set(id, canonicalFlow(flow));
    }
  }

  async recordHalt(record: HaltRecord): Promise<void> {
    this.#open();
    this.#halts.push(record);
  }

  async recordRebase(rebase: PeakRebase): Promise<void> {
    this.#open();
    this.#rebases.push(rebase);
  }

  async recordGap(gap: Gap): Promise<void> {
    this.#open();
    this.#gaps.set(
      JSON.stringify([gap.stream.exchange, gap.stream.symbol, gap.stream.timeframe, gap.fromMs]),
      gap,
    );
  }

  /** Nothing reads health back from a store of one run, so it is not kept. */
  async recordHealth(): Promise<void> {
    this.#open();
  }

  async recordModel(model: ModelRecord): Promise<void> {
    this.#open();
    this.#models.push(model);
  }

  async recordRun(run: RunRecord): Promise<void> {
    this.#open();
    this.#runs.push(run);
  }

  async recordShadow(prediction: ShadowPrediction): Promise<void> {
    this.#open();
    this.#shadows.push(prediction);
  }

  async restore(): Promise<RestoredState> {
    this.#open();
    const acted: Record<string, number> = {};
    const holdings: Record<string, Holding> = {};
    for (const [name, { lastActedMs, lastDecided }] of this.#streams) {
      if (lastActedMs !== null) acted[name] = lastActedMs;
      const held = lastDecided?.signal?.held;
      if (held) holdings[name] = held;
    }
    const recent = [...this.#streams.values()].flatMap((rows) =>
      [...rows.decisions.values()]
        .filter((record) => record.prediction !== null)
        .sort((a, b) => a.candle.openMs - b.candle.openMs)
        .slice(-RESTORED_PREDICTIONS),
    );
    const kept = new Set(recent);
    const lastBar = this.#committed.findLast((record) => record.account !== null);
    return {
      account: rebasedAccount(lastBar?.account ?? null, this.#rebases.at(-1)),
      fills: await this.fills(),
      unreportedFills: [...this.#unreported.values()],
      flows: [...this.#flows.values()],
      lastActedBarMs: acted,
      holdings,
      openOrders: [...this.#openOrders.values()],
      outcomes: byOpenTime(this.#committed.filter((record) => kept.has(record))).map((record) => ({
        stream: streamName(record.stream),
        openMs: record.candle.openMs,
        probabilityUp: record.prediction!.probabilityUp,
        up: this.#rows(record.stream).outcomes.get(record.candle.openMs) ?? null,
      })),
    };
  }

  async add(alert: Alert): Promise<void> {
    this.#open();
    if (!this.#alerts.has(alert.id)) this.#alerts.set(alert.id, alert);
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.#open();
    for (const id of ids) this.#alerts.delete(id);
  }

  async pending(limit: number): Promise<readonly Alert[]> {
    this.#open();
    return [...this.#alerts.values()].slice(0, limit);
  }

  async decisions(filter: RowFilter = {}): Promise<readonly BarRecord[]> {
    this.#open();
    return byOpenTime(this.#committed.filter((record) => passes(filter, record)));
  }

  async predictions(filter: RowFilter = {}): Promise<readonly StoredPrediction[]> {
    return (await this.decisions(filter))
      .filter((record) => record.prediction !== null)
      .map((record) => ({
        ...record.prediction!,
        stream: record.stream,
        features: record.features,
        up: this.#rows(record.stream).outcomes.get(record.candle.openMs) ?? null,
      }));
  }

  async candles(stream: StreamKey, fromMs = -Infinity, toMs = Infinity): Promise<CandleColumns> {
    this.#open();
    const rows = this.#rows(stream);
    const times = sortedTimes(rows).filter((openMs) => openMs >= fromMs && openMs < toMs);
    return toColumns(times.map((openMs) => rows.candles.get(openMs)!));
  }

  async knownCandles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<KnownCandles> {
    const candles = await this.candles(stream, fromMs, toMs);
    const { availableAtMs } = this.#rows(stream);
    return { ...candles, availableAtMs: candles.openMs.map((openMs) => availableAtMs.get(openMs)!) };
  }

  async equityCurve(): Promise<readonly AccountSnapshot[]> {
    this.#open();
    return this.#committed.flatMap((record) => (record.account === null ? [] : [record.account]));
  }

  async fills(): Promise<readonly Fill[]> {
    this.#open();
    const byTime = [...this.#fills].sort((a, b) => a.atMs - b.atMs);
    return withFeePrices(byTime, async (exchange, symbol) => {
      const closes = new Map<number, number>();
      for (const rows of this.#streams.values()) {
        if (rows.key.exchange !== exchange || rows.key.symbol !== symbol) continue;
        for (const openMs of sortedTimes(rows))
          closes.set(Math.floor(openMs / DAY_MS), rows.candles.get(openMs)!.close);
      }
      return closes;
    });
  }

  async orderEvents(): Promise<readonly OrderEvent[]> {
    this.#open();
    return [...this.#orders];
  }

  async halts(): Promise<readonly HaltRecord[]> {
    this.#open();
    return [...this.#halts];
  }

  async rebases(): Promise<readonly PeakRebase[]> {
    this.#open();
    return [...this.#rebases];
  }

  async quarantined(): Promise<readonly QuarantinedRow[]> {
    this.#open();
    return [...this.#quarantine];
  }

  async corrections(): Promise<readonly Correction[]> {
    this.#open();
    return [...this.#corrections.values()];
  }

  async gaps(): Promise<readonly Gap[]> {
    this.#open();
    const key = (gap: Gap) => [gap.stream.exchange, gap.stream.symbol, gap.stream.timeframe] as const;
    return [...this.#gaps.values()].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i]! < y[i]! ? -1 : 1;
      return a.fromMs - b.fromMs;
    });
  }

  async models(): Promise<readonly ModelRecord[]> {
    this.#open();
    return [...this.#models];
  }

  async runs(): Promise<readonly RunRecord[]> {
    this.#open();
    return [...this.#runs];
  }

  async shadowPredictions(): Promise<readonly ShadowPrediction[]> {
    this.#open();
    return [...this.#shadows];
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): void {
    if (this.#closed) throw storeClosed();
  }

  #rows(key: StreamKey): StreamRows {
    const known = this.#rowsByKey.get(key);
    if (known !== undefined) return known;
    const name = streamName(key);
    let rows = this.#streams.get(name);
    if (!rows) {
      rows = noRows(key);
      this.#streams.set(name, rows);
    }
    this.#rowsByKey.set(key, rows);
    return rows;
  }
}

/** A stable sort: what was committed first stays first. */
function byOpenTime(records: readonly BarRecord[]): BarRecord[] {
  return [...records].sort((a, b) => a.candle.openMs - b.candle.openMs);
}

function passes(filter: RowFilter, record: BarRecord): boolean {
  const { openMs } = record.candle;
  return (
    (filter.stream === undefined || streamName(filter.stream) === streamName(record.stream)) &&
    (filter.fromMs === undefined || openMs >= filter.fromMs) &&
    (filter.toMs === undefined || openMs < filter.toMs)
  );
}
