// @module-tag long

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { storeContract } from '../../contract/store.js';

const open = (withJournal: boolean) => async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'redbutton-store-'));
  const options = {
    path: path.join(directory, 'redbutton.duckdb'),
    ...(withJournal && { journal: path.join(directory, 'redbutton.journal') }),
  };
  let store = await openStore(options);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openStore(options);
      return store;
    },
    dispose: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

storeContract('DuckDB', open(false));
storeContract('DuckDB with a journal', open(true));
