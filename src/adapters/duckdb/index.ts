export type { DuckStore, StoreRecovery } from './duck-store.js';
export { openStore, type StoreOptions } from './open-store.js';
export type { ExportRange, QueryAnswer, StoreDesk } from './store-desk.js';
