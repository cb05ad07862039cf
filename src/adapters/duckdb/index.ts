export { openStore, type StoreOptions } from './open/open-store.js';
export type { QueryAnswer } from './store-queries.js';
export type { DuckStore } from './write/duck-store.js';
export type { Retention } from './write/retention.js';
