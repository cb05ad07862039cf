import path from 'node:path';
import { type DuckStore, openStore } from '../../adapters/duckdb/index.js';
import type { Paths } from '../../config/paths.js';
import { RedbuttonError } from '../../core/errors.js';
import { askTrader } from './store-access.js';

/**
 * Opens a database for reading, whoever holds it. While the trader runs the box's own database is its alone: then it makes a
 * copy of one moment, which is what is read, and which goes with `close`.
 */
export async function openHeldStore(
  file: string,
  paths: Paths,
): Promise<{ readonly store: DuckStore; close(): Promise<void> }> {
  let copy: string;
  try {
    const store = await openStore({ path: file, readOnly: true });
    return { store, close: () => store.close() };
  } catch (error) {
    if (!isFault(error, 'E_STORE_LOCKED') || path.resolve(file) !== path.resolve(paths.database)) throw error;
    try {
      ({ path: copy } = (await askTrader(paths, '/backup', {})) as { readonly path: string });
    } catch (asking) {
      // Somebody else holds it: that is what must be told.
      throw isFault(asking, 'E_SOCKET_NOBODY') ? error : asking;
    }
  }
  const clear = () => askTrader(paths, '/handover/clear', {});
  try {
    const store = await openStore({ path: copy, readOnly: true });
    return {
      store,
      async close() {
        await store.close();
        await clear();
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

const isFault = (error: unknown, code: string) => error instanceof RedbuttonError && error.code === code;
