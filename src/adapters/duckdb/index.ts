export type { DuckStore } from './duck-store.js';
export { openStore, type StoreOptions } from './open-store.js';
export type { Retention, Retired } from './retention.js';
export type { ExportRange, QueryAnswer, StoreDesk } from './store-desk.js';
export type { StoreOwner } from './store-owner.js';
export type { StoreRecovery } from './store-recovery.js';
