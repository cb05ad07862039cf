import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { storeContract } from '../../contract/store.js';

storeContract('DuckDB', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'redbutton-store-'));
  const file = path.join(directory, 'redbutton.duckdb');
  let store = await openStore({ path: file });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openStore({ path: file });
      return store;
    },
    dispose: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
