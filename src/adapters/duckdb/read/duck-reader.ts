import type { CandleColumns, StreamKey } from '../../../core/candle.js';
import type { Fill } from '../../../core/order.js';
import type {
  AccountSnapshot,
  BarRecord,
  Correction,
  Gap,
  HaltRecord,
  KnownCandles,
  ModelRecord,
  OrderEvent,
  PeakRebase,
  QuarantinedRow,
  RowFilter,
  RunRecord,
  ShadowPrediction,
  StoredPrediction,
} from '../../../core/records.js';
import type { ReplayedBar, StoreReader } from '../../../ports/store.js';
import type { Row, Session } from '../open/session.js';
import {
  correctionOf,
  gapOf,
  haltOf,
  modelOf,
  quarantinedRowOf,
  rebaseOf,
  runOf,
  shadowOf,
} from '../write/audit-log.js';
import { accountOf } from '../write/bar-columns.js';
import { orderEventOf } from '../write/money-log.js';
import {
  readCandles,
  readDecisions,
  readFills,
  readKnownCandles,
  readPredictions,
  spanOf,
} from './reader.js';
import { readReplayed } from './replayed-bars.js';

/** What was stored, in the order in which it happened; each question in turn with what is written. */
export abstract class DuckReader implements StoreReader {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Carries `work` out once all that was handed in before is done. */
  protected abstract serialize<T>(work: () => Promise<T>): Promise<T>;

  decisions(filter: RowFilter = {}): Promise<readonly BarRecord[]> {
    return this.serialize(() => readDecisions(this.#session, filter));
  }

  predictions(filter: RowFilter = {}): Promise<readonly StoredPrediction[]> {
    return this.serialize(() => readPredictions(this.#session, filter));
  }

  candles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<CandleColumns> {
    return this.serialize(() => readCandles(this.#session, spanOf(stream, fromMs, toMs)));
  }

  knownCandles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<KnownCandles> {
    return this.serialize(() => readKnownCandles(this.#session, spanOf(stream, fromMs, toMs)));
  }

  equityCurve(): Promise<readonly AccountSnapshot[]> {
    return this.#all(
      `SELECT COLUMNS('^account_.*') FROM decisions WHERE account_at_ms IS NOT NULL ORDER BY rowid`,
      accountOf,
    );
  }

  fills(): Promise<readonly Fill[]> {
    return this.serialize(() => readFills(this.#session, 'ORDER BY at_ms, seq'));
  }

  orderEvents(): Promise<readonly OrderEvent[]> {
    return this.#all('SELECT * FROM order_events ORDER BY seq', orderEventOf);
  }

  halts(): Promise<readonly HaltRecord[]> {
    return this.#all('SELECT * FROM halts ORDER BY seq', haltOf);
  }

  rebases(): Promise<readonly PeakRebase[]> {
    return this.#all('SELECT * FROM peak_rebases ORDER BY seq', rebaseOf);
  }

  quarantined(): Promise<readonly QuarantinedRow[]> {
    return this.#all('SELECT * FROM quarantine ORDER BY rowid', quarantinedRowOf);
  }

  corrections(): Promise<readonly Correction[]> {
    return this.#all('SELECT * FROM corrections ORDER BY rowid', correctionOf);
  }

  gaps(): Promise<readonly Gap[]> {
    return this.#all('SELECT * FROM gaps ORDER BY exchange, symbol, timeframe, from_ms', gapOf);
  }

  models(): Promise<readonly ModelRecord[]> {
    return this.#all('SELECT * FROM models ORDER BY seq', modelOf);
  }

  runs(): Promise<readonly RunRecord[]> {
    return this.#all('SELECT * FROM runs ORDER BY seq', runOf);
  }

  shadowPredictions(): Promise<readonly ShadowPrediction[]> {
    return this.#all('SELECT * FROM shadow_predictions ORDER BY rowid', shadowOf);
  }

  /** By stream and time. */
  replayedBars(): Promise<readonly ReplayedBar[]> {
    return this.serialize(() => readReplayed(this.#session));
  }

  #all<T>(sql: string, of: (row: Row) => T): Promise<readonly T[]> {
    return this.serialize(async () => (await this.#session.rows(sql)).map(of));
  }
}
