import type { Alert, Severity } from '../../../core/alert.js';
import { invariant } from '../../../core/errors.js';
import type { LayerHealth } from '../../../core/health.js';
import type {
  Correction,
  Gap,
  HaltRecord,
  ModelRecord,
  PeakRebase,
  QuarantinedRow,
  RunRecord,
  ShadowPrediction,
} from '../../../core/records.js';
import type { TradingState } from '../../../core/trading-state.js';
import { wholeMsOrNull } from '../../store-rules/bar-rules.js';
import { double, integer, type Row, type Session, text } from '../open/session.js';
import { candleOf, keyCells, predictionOf } from './bar-columns.js';
import { numberOf, numberOrNull, streamOf, textOf, wordOf } from './rows.js';

/** What the log of a table continues with: one more than the highest number in it. */
export async function nextSeq(session: Session, table: string): Promise<number> {
  const [row] = await session.rows(`SELECT coalesce(max(seq), 0) + 1 AS next FROM ${table}`);
  return row ? numberOf(row, 'next') : 1;
}

/** The next number of each log that {@link Notes} writes. */
interface NextSeq {
  gap_events: number;
  halts: number;
  peak_rebases: number;
  alerts_outbox: number;
  models: number;
  runs: number;
}

/**
 * Rows beside the way of the data: quarantine, gaps, halts, rebases, health, models, runs, shadow predictions, and alerts
 * that wait.
 */
export class AuditWriter {
  readonly #session: Session;
  readonly #next: NextSeq;

  constructor(session: Session, next: NextSeq) {
    this.#session = session;
    this.#next = next;
  }

  /**
   * A row already in quarantine (same stream, time, reason and raw text) is not stored again; twins in one call are.
   * Thousands may come at once from a dirty file, so they go through a temporary table, which is not logged.
   */
  async quarantine(rows: readonly QuarantinedRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#session.script(
      `CREATE OR REPLACE TEMP TABLE incoming (row_no INTEGER, exchange VARCHAR, symbol VARCHAR, timeframe VARCHAR,
         open_ms BIGINT, reason VARCHAR, raw VARCHAR, at_ms BIGINT)`,
    );
    await this.#session.append('incoming', (appender) => {
      rows.forEach((row, i) => {
        const openMs = wholeMsOrNull(row.openMs);
        appender.appendInteger(i);
        appender.appendVarchar(row.stream.exchange);
        appender.appendVarchar(row.stream.symbol);
        appender.appendVarchar(row.stream.timeframe);
        if (openMs === null) appender.appendNull();
        else appender.appendBigInt(BigInt(openMs));
        appender.appendVarchar(row.reason);
        appender.appendVarchar(row.raw);
        appender.appendBigInt(BigInt(row.atMs));
        appender.endRow();
      });
    });
    await this.#session.run(
      `INSERT INTO quarantine SELECT exchange, symbol, timeframe, open_ms, reason, raw, at_ms FROM incoming r
         WHERE NOT EXISTS (FROM quarantine q WHERE q.exchange = r.exchange AND q.symbol = r.symbol
           AND q.timeframe = r.timeframe AND q.open_ms IS NOT DISTINCT FROM r.open_ms AND q.reason = r.reason
           AND q.raw = r.raw) ORDER BY row_no`,
    );
    await this.#session.script('DROP TABLE incoming');
  }

  async correction({ stream, stored, corrected, atMs }: Correction): Promise<void> {
    const values = [corrected.open, corrected.high, corrected.low, corrected.close, corrected.volume].map(
      double,
    );
    await this.#session.run(
      `INSERT INTO corrections SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
         WHERE NOT EXISTS (FROM corrections WHERE exchange = $1 AND symbol = $2 AND timeframe = $3 AND open_ms = $4
           AND open = $10 AND high = $11 AND low = $12 AND close = $13 AND volume = $14)`,
      [
        ...keyCells(stream),
        integer(stored.openMs),
        ...[stored.open, stored.high, stored.low, stored.close, stored.volume].map(double),
        ...values,
        integer(atMs),
      ],
    );
  }

  async gap(gap: Gap): Promise<void> {
    await this.#session.insert('gap_events', [
      integer(this.#next.gap_events),
      ...keyCells(gap.stream),
      integer(gap.fromMs),
      integer(gap.toMs),
      integer(gap.bars),
      text(gap.state),
      integer(gap.atMs),
    ]);
    this.#next.gap_events += 1;
  }

  async halt(halt: HaltRecord): Promise<void> {
    await this.#session.insert('halts', [
      integer(this.#next.halts),
      integer(halt.atMs),
      text(halt.state),
      text(halt.cause),
      integer(halt.epoch),
    ]);
    this.#next.halts += 1;
  }

  async rebase(rebase: PeakRebase): Promise<void> {
    await this.#session.insert('peak_rebases', [
      integer(this.#next.peak_rebases),
      integer(rebase.atMs),
      text(rebase.by),
      double(rebase.peakBefore),
      double(rebase.drawdownBefore),
      double(rebase.equity),
    ]);
    this.#next.peak_rebases += 1;
  }

  async health(layers: readonly LayerHealth[], atMs: number): Promise<void> {
    await this.#session.transaction(async () => {
      for (const layer of layers)
        await this.#session.insert('health', [
          integer(atMs),
          text(layer.layer),
          text(layer.state),
          integer(layer.lastSuccessMs),
          text(layer.errorCode),
          text(layer.detail),
        ]);
    });
  }

  async model(model: ModelRecord): Promise<void> {
    await this.#session.insert('models', [
      integer(this.#next.models),
      text(model.modelHash),
      text(model.event),
      text(model.manifest),
      integer(model.atMs),
    ]);
    this.#next.models += 1;
  }

  async run(run: RunRecord): Promise<void> {
    await this.#session.insert('runs', [integer(this.#next.runs), integer(run.atMs), text(run.settings)]);
    this.#next.runs += 1;
  }

  async shadow(prediction: ShadowPrediction): Promise<void> {
    await this.#session.insert('shadow_predictions', [
      ...keyCells(prediction.stream),
      integer(prediction.openMs),
      double(prediction.probabilityUp),
      double(prediction.probabilityUpCalibrated),
      text(prediction.modelHash),
    ]);
  }

  async addAlert(alert: Alert): Promise<void> {
    this.#next.alerts_outbox += await this.#session.run(
      `INSERT INTO alerts_outbox SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (FROM alerts_outbox WHERE id = $2)`,
      [
        integer(this.#next.alerts_outbox),
        text(alert.id),
        text(alert.code),
        text(alert.severity),
        text(alert.text),
        text(JSON.stringify(alert.figures)),
        integer(alert.atMs),
      ],
    );
  }

  async removeAlerts(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#session.transaction(async () => {
      for (const id of ids) await this.#session.run('DELETE FROM alerts_outbox WHERE id = $1', [text(id)]);
    });
  }

  async pendingAlerts(limit: number): Promise<readonly Alert[]> {
    const rows = await this.#session.rows('SELECT * FROM alerts_outbox ORDER BY seq LIMIT $1::BIGINT', [
      integer(limit),
    ]);
    return rows.map(alertOf);
  }
}

function alertOf(row: Row): Alert {
  return {
    id: textOf(row, 'id'),
    code: textOf(row, 'code'),
    severity: wordOf<Severity>(row, 'severity'),
    text: textOf(row, 'text'),
    figures: JSON.parse(textOf(row, 'figures')) as Alert['figures'],
    atMs: numberOf(row, 'at_ms'),
  };
}

export function haltOf(row: Row): HaltRecord {
  return {
    atMs: numberOf(row, 'at_ms'),
    state: wordOf<TradingState>(row, 'state'),
    cause: textOf(row, 'cause'),
    epoch: numberOf(row, 'epoch'),
  };
}

export function rebaseOf(row: Row): PeakRebase {
  return {
    atMs: numberOf(row, 'at_ms'),
    by: textOf(row, 'said_by'),
    peakBefore: numberOf(row, 'peak_before'),
    drawdownBefore: numberOf(row, 'drawdown_before'),
    equity: numberOf(row, 'equity'),
  };
}

/** `openMs` is NaN where the row had no usable time. */
export function quarantinedRowOf(row: Row): QuarantinedRow {
  return {
    stream: streamOf(row),
    openMs: numberOrNull(row, 'open_ms') ?? Number.NaN,
    reason: textOf(row, 'reason'),
    raw: textOf(row, 'raw'),
    atMs: numberOf(row, 'at_ms'),
  };
}

export function correctionOf(row: Row): Correction {
  return {
    stream: streamOf(row),
    stored: {
      openMs: numberOf(row, 'open_ms'),
      open: numberOf(row, 'stored_open'),
      high: numberOf(row, 'stored_high'),
      low: numberOf(row, 'stored_low'),
      close: numberOf(row, 'stored_close'),
      volume: numberOf(row, 'stored_volume'),
    },
    corrected: candleOf(row),
    atMs: numberOf(row, 'at_ms'),
  };
}

export function gapOf(row: Row): Gap {
  return {
    stream: streamOf(row),
    fromMs: numberOf(row, 'from_ms'),
    toMs: numberOf(row, 'to_ms'),
    bars: numberOf(row, 'bars'),
    state: wordOf<Gap['state']>(row, 'state'),
    atMs: numberOf(row, 'at_ms'),
  };
}

export function modelOf(row: Row): ModelRecord {
  return {
    modelHash: textOf(row, 'model_hash'),
    event: wordOf<ModelRecord['event']>(row, 'event'),
    manifest: textOf(row, 'manifest'),
    atMs: numberOf(row, 'at_ms'),
  };
}

export function runOf(row: Row): RunRecord {
  return { atMs: numberOf(row, 'at_ms'), settings: textOf(row, 'settings') };
}

export function shadowOf(row: Row): ShadowPrediction {
  const prediction = predictionOf(row);
  invariant(prediction !== null, 'a prediction without a model');
  return { ...prediction, stream: streamOf(row) };
}
