import { MemoryStore } from '../support/memory-store/memory-store.js';
import { storeContract } from './store.js';

storeContract('memory', async () => {
  const store = new MemoryStore();
  return { store, dispose: () => store.close() };
});
