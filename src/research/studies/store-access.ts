import { callControl } from '../../adapters/control-socket/control-client.js';
import { QUERY_ROWS_MAX } from '../../adapters/control-socket/store-routes.js';
import {
  type DuckStore,
  openStore,
  type QueryAnswer,
  type StoreOptions,
} from '../../adapters/duckdb/index.js';
import type { Paths } from '../../config/paths.js';
import type { ErrorCode } from '../../core/error-catalogue.js';
import { EXIT, RedbuttonError } from '../../core/errors.js';
import { type AskRows, pagedRows } from '../report/stored-fills.js';

/** Longest an export or a backup of years may take. */
const ANSWER_MS_MAX = 3_600_000;
const ANSWER_BYTES_MAX = 64 << 20;

/**
 * Asks the running trader, which holds the database; where none runs, opens the file and does it here. `body` is what the
 * trader's route takes.
 */
export async function throughTraderOrFile<T>(
  paths: Paths,
  route: string,
  body: unknown,
  options: Omit<StoreOptions, 'path'>,
  here: (store: DuckStore) => Promise<T>,
): Promise<{ readonly by: 'trader' | 'file'; readonly value: T }> {
  try {
    return { by: 'trader', value: (await askTrader(paths, route, body)) as T };
  } catch (error) {
    if (!(error instanceof RedbuttonError) || error.code !== 'E_SOCKET_NOBODY') throw error;
  }
  const store = await openStore({ path: paths.database, ...options });
  try {
    return { by: 'file', value: await here(store) };
  } finally {
    await store.close();
  }
}

/** Lets `work` ask for rows, of the running trader or of the file. */
export async function withStoredRows<T>(paths: Paths, work: (ask: AskRows) => Promise<T>): Promise<T> {
  const fromTrader = pagedRows(
    async (sql, rowsMax) => (await askTrader(paths, '/query', { sql, rowsMax })) as QueryAnswer,
    QUERY_ROWS_MAX,
  );
  const isThere = await fromTrader('SELECT 1').then(
    () => true,
    (error: unknown) => {
      if (error instanceof RedbuttonError && error.code === 'E_SOCKET_NOBODY') return false;
      throw error;
    },
  );
  if (isThere) return work(fromTrader);
  const store = await openStore({ path: paths.database, readOnly: true });
  try {
    return await work(pagedRows((sql, rowsMax) => store.queries.query(sql, rowsMax), QUERY_ROWS_MAX));
  } finally {
    await store.close();
  }
}

/** One question to the trader's store; a refusal there is a fault here, with its code. */
export async function askTrader(paths: Paths, route: string, body: unknown): Promise<unknown> {
  const { status, body: answer } = await callControl(
    paths.traderSocket,
    'the trader',
    'POST',
    route,
    body,
    ANSWER_MS_MAX,
    ANSWER_BYTES_MAX,
  );
  if (status === 200) return answer;
  const { error = 'E_SOCKET', detail = `status ${status}` } = (answer ?? {}) as Record<string, string>;
  const asked = error === 'E_QUERY' || error === 'E_BODY';
  throw new RedbuttonError(
    error as ErrorCode,
    `the trader: ${detail}`,
    'see redbutton status and its log',
    asked ? EXIT.badInput : EXIT.failed,
  );
}
