import { MemoryStore } from '../../../src/adapters/memory-store/index.js';
import { storeContract } from '../../contract/store.js';

storeContract('memory', async () => {
  const store = new MemoryStore();
  return { store, dispose: () => store.close() };
});
