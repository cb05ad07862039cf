import type { StreamKey } from '../../../core/candle.js';
import type { ReplayedBar } from '../../../ports/store.js';
import { integer, type Session } from '../open/session.js';
import { keyCells } from '../write/bar-columns.js';
import { numberOf, streamOf } from '../write/rows.js';

/** Writes down that only the journal told of a bar, and what had come before it was missing. */
export async function markReplayed(session: Session, stream: StreamKey, openMs: number): Promise<void> {
  await session.run(
    `INSERT INTO replayed_bars SELECT $1, $2, $3, $4 WHERE NOT EXISTS (FROM replayed_bars
       WHERE exchange = $1 AND symbol = $2 AND timeframe = $3 AND open_ms = $4)`,
    [...keyCells(stream), integer(openMs)],
  );
}

/** By stream and time. A database that no trader of this version has opened has none. */
export async function readReplayed(session: Session): Promise<readonly ReplayedBar[]> {
  const tables = await session.rows(
    "SELECT 1 AS one FROM duckdb_tables() WHERE table_name = 'replayed_bars'",
  );
  if (tables.length === 0) return [];
  const rows = await session.rows(
    'SELECT * FROM replayed_bars ORDER BY exchange, symbol, timeframe, open_ms',
  );
  return rows.map((row) => ({ stream: streamOf(row), openMs: numberOf(row, 'open_ms') }));
}
