import { setImmediate } from 'node:timers/promises';
import type { CandleColumns, StreamKey } from '../../../core/candle.js';
import { invariant } from '../../../core/errors.js';
import type { DuckDb } from '../open/binding.js';
import { integer, type Session } from '../open/session.js';
import { keyCells } from './bar-columns.js';
import type { Watermark } from './bar-writer.js';

/** Rows of one transaction: two of DuckDB's row groups, so that other writers wait for less than a second. */
export const IMPORT_BATCH_ROWS = 245_760;
const CHUNK_ROWS = 2048;
const FIELDS = ['openMs', 'open', 'high', 'low', 'close', 'volume'] as const;

/**
 * Adds rows [from, to) of the columns to the candles that are not known yet, and tells how many those were. Of rows with
 * the same open time the first counts. The rows go through the appender into a temporary table, which is not logged, and
 * from there by one statement.
 */
export async function importCandles(
  session: Session,
  duckdb: DuckDb,
  newest: Watermark,
  stream: StreamKey,
  candles: CandleColumns,
  from: number,
  to: number,
  availableAtMs: number,
): Promise<number> {
  if (to <= from) return 0;
  let ascending = true;
  for (let i = from; i < to; i++) {
    invariant(
      Number.isSafeInteger(candles.openMs[i]),
      `open time ${candles.openMs[i]} is no whole millisecond`,
    );
    if (i > from && candles.openMs[i]! <= candles.openMs[i - 1]!) ascending = false;
  }
  await session.script(
    'CREATE OR REPLACE TEMP TABLE staging (row_no DOUBLE, open_ms DOUBLE, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE)',
  );
  const allNew = ascending && candles.openMs[from]! > (await newest.of(stream));
  await stage(session, duckdb, candles, from, to);
  const first = ascending ? '' : 'QUALIFY row_number() OVER (PARTITION BY open_ms ORDER BY row_no) = 1';
  const unknown = allNew
    ? ''
    : `WHERE NOT EXISTS (FROM candles c WHERE c.exchange = $1 AND c.symbol = $2 AND c.timeframe = $3
         AND c.open_ms = s.open_ms::BIGINT)`;
  const cells = [...keyCells(stream), integer(availableAtMs)];
  const added = await session.run(
    `INSERT INTO candles
       SELECT $1, $2, $3, open_ms::BIGINT, open, high, low, close, volume, $4 FROM staging s ${unknown} ${first}
       ORDER BY open_ms`,
    cells,
  );
  await session.script('DROP TABLE staging');
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) highest = Math.max(highest, candles.openMs[i]!);
  newest.raise(stream, highest, added);
  return added;
}

async function stage(
  session: Session,
  duckdb: DuckDb,
  candles: CandleColumns,
  from: number,
  to: number,
): Promise<void> {
  const types = new Array(FIELDS.length + 1).fill(duckdb.DOUBLE);
  const chunk = duckdb.DuckDBDataChunk.create(types, CHUNK_ROWS);
  await session.append('staging', async (appender) => {
    for (let start = from; start < to; start += CHUNK_ROWS) {
      const rows = Math.min(CHUNK_ROWS, to - start);
      if (start > from) chunk.reset();
      chunk.rowCount = rows;
      const rowNo = chunk.getColumnVector(0);
      for (let i = 0; i < rows; i++) rowNo.setItem(i, start + i);
      rowNo.flush();
      FIELDS.forEach((field, f) => {
        const source = candles[field];
        const vector = chunk.getColumnVector(f + 1);
        for (let i = 0; i < rows; i++) vector.setItem(i, source[start + i]!);
        vector.flush();
      });
      appender.appendDataChunk(chunk);
      // Appending runs on this thread; the event loop gets a turn now and then.
      if ((start - from) % (CHUNK_ROWS * 16) === 0) await setImmediate();
    }
  });
}
