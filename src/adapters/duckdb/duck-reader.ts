import type { CandleColumns, StreamKey } from '../../core/candle.js';
import type { Fill } from '../../core/order.js';
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
  Rejection,
  ReplayedBar,
  RowFilter,
  RunRecord,
  ShadowPrediction,
  StoredPrediction,
  StoreReader,
} from '../../ports.js';
import { accountOf } from './bar-columns.js';
import { orderEventOf } from './money-log.js';
import { correctionOf, gapOf, haltOf, modelOf, rebaseOf, rejectionOf, runOf, shadowOf } from './notes.js';
import {
  readCandles,
  readDecisions,
  readFills,
  readKnownCandles,
  readPredictions,
  spanOf,
} from './reader.js';
import { readReplayed } from './replayed-bars.js';
import type { Row, Session } from './session.js';

/** What was stored, in the order in which it happened; each question in turn with what is written. */
export abstract class DuckReader implements StoreReader {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Carries `work` out once all that was handed in before is done. */
  protected abstract inTurn<T>(work: () => Promise<T>): Promise<T>;

  decisions(filter: RowFilter = {}): Promise<readonly BarRecord[]> {
    return this.inTurn(() => readDecisions(this.#session, filter));
  }

  predictions(filter: RowFilter = {}): Promise<readonly StoredPrediction[]> {
    return this.inTurn(() => readPredictions(this.#session, filter));
  }

  candles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<CandleColumns> {
    return this.inTurn(() => readCandles(this.#session, spanOf(stream, fromMs, toMs)));
  }

  knownCandles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<KnownCandles> {
    return this.inTurn(() => readKnownCandles(this.#session, spanOf(stream, fromMs, toMs)));
  }

  equityCurve(): Promise<readonly AccountSnapshot[]> {
    return this.#all(
      `SELECT COLUMNS('^account_.*') FROM decisions WHERE account_at_ms IS NOT NULL ORDER BY rowid`,
      accountOf,
    );
  }

  fills(): Promise<readonly Fill[]> {
    return this.inTurn(() => readFills(this.#session, 'ORDER BY at_ms, seq'));
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

  quarantined(): Promise<readonly Rejection[]> {
    return this.#all('SELECT * FROM quarantine ORDER BY rowid', rejectionOf);
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
    return this.inTurn(() => readReplayed(this.#session));
  }

  #all<T>(sql: string, of: (row: Row) => T): Promise<readonly T[]> {
    return this.inTurn(async () => (await this.#session.rows(sql)).map(of));
  }
}
