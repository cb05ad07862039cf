export { openStore, type StoreOptions } from './open/open-store.js';
export type { StoreOwner } from './open/store-owner.js';
export type { StoreRecovery } from './open/store-recovery.js';
export type { ExportRange, QueryAnswer, StoreDesk } from './store-queries.js';
export type { DuckStore } from './write/duck-store.js';
export type { Retention, Retired } from './write/retention.js';
