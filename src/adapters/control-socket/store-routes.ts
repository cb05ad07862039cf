import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { CandleColumns, StreamKey } from '../../core/candle.js';
import { badInput, fault } from '../../core/errors.js';
import type { ControlHandler, ControlRoutes } from './control-server.js';

/** What the store does for people beside its own work. */
export interface StoreWindow {
  query(sql: string, rowsMax: number): Promise<unknown>;
  exportParquet(
    directory: string,
    range: { readonly fromMs?: number; readonly toMs?: number },
  ): Promise<Readonly<Record<string, number>>>;
  backup(file: string): Promise<void>;
}

/** Validates history and adds what is new. */
export type HistoryIntake = (
  stream: StreamKey,
  rows: CandleColumns,
) => Promise<{ readonly added: number; readonly refused: number }>;

/** Rows that one answer may hold. */
export const QUERY_ROWS_MAX = 10_000;
/** Rows of history that one request may bring; at 200 bytes a row it stays below {@link STORE_BODY_BYTES_MAX}. */
const HISTORY_ROWS_MAX = 5000;
export const STORE_BODY_BYTES_MAX = 1 << 20;

const queryBody = z.strictObject({
  sql: z.string().min(1).max(100_000),
  rowsMax: z.number().int().min(1).max(QUERY_ROWS_MAX),
});
const exportBody = z.strictObject({ fromMs: z.int().optional(), toMs: z.int().optional() });
/** Values that JSON cannot hold (a NaN of a bad row) come as null and are refused by validation as such. */
const value = z.number().nullable();
const historyBody = z.strictObject({
  stream: z.strictObject({
    exchange: z.string().min(1),
    symbol: z.string().min(1),
    timeframe: z.string().min(1),
  }),
  rows: z.array(z.tuple([value, value, value, value, value, value])).max(HISTORY_ROWS_MAX),
});

/**
 * The trader's routes to its store: DuckDB locks the file, so while the trader runs everybody else asks here. Exports and
 * backups are left in `handoverDir`, one at a time, for the asker to fetch and to clear.
 */
export function storeRoutes(
  store: StoreWindow,
  handoverDir: string,
  addHistory: HistoryIntake,
): ControlRoutes {
  let busy = false;

  /** The store's own process writes the files, so the names are made here and not by the asker. */
  async function handOver<T>(work: () => Promise<T>): Promise<{ status: number; body: T }> {
    if (busy) throw fault('E_BUSY', 'another export or backup is being made', 'try again when it is done');
    busy = true;
    try {
      await clear();
      return { status: 200, body: await work() };
    } finally {
      busy = false;
    }
  }

  async function clear(): Promise<void> {
    await rm(handoverDir, { recursive: true, force: true });
    await mkdir(handoverDir, { recursive: true, mode: 0o750 });
  }

  const routes: Record<string, ControlHandler> = {
    async 'POST /query'(body) {
      const { sql, rowsMax } = parsed(queryBody, body);
      return { status: 200, body: await store.query(sql, rowsMax) };
    },
    async 'POST /export'(body) {
      const { fromMs, toMs } = parsed(exportBody, body ?? {});
      const directory = path.join(handoverDir, 'export');
      const range = { ...(fromMs !== undefined && { fromMs }), ...(toMs !== undefined && { toMs }) };
      return handOver(async () => {
        await mkdir(directory, { mode: 0o750 });
        return { path: directory, rows: await store.exportParquet(directory, range) };
      });
    },
    async 'POST /backup'() {
      const file = path.join(handoverDir, 'backup.duckdb');
      return handOver(async () => {
        await store.backup(file);
        return { path: file };
      });
    },
    async 'POST /handover/clear'() {
      return handOver(async () => ({}));
    },
    async 'POST /candles'(body) {
      const { stream, rows } = parsed(historyBody, body);
      const column = (at: number) => Float64Array.from(rows, (row) => row[at] ?? Number.NaN);
      const [openMs, open, high, low, close, volume] = [0, 1, 2, 3, 4, 5].map(column) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const columns = { length: rows.length, openMs, open, high, low, close, volume };
      return { status: 200, body: await addHistory(stream, columns) };
    },
  };
  return routes;
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw badInput(
    'E_BODY',
    `${issue.path.join('.') || 'the body'}: ${issue.message}`,
    'see the documentation',
  );
}
