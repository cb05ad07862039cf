/** The exchange simulator: a Binance spot look-alike on loopback that replays candles. */
export { ExchangeSimulator, type SimulatorOptions } from './exchange-simulator.js';
export { type FaultSettings, faultsOfSeed, readFaults } from './fault-injector.js';
export { createFollowingClock, type FollowingClock } from './following-clock.js';
export type { ApiCall, Interception, Interceptor } from './http-front.js';
export type { MarketSpec } from './instrument.js';
export type { Trade } from './ledger.js';
export type { LedgerSnapshot } from './ledger-snapshot.js';
export { simulatedClock } from './simulated-clock.js';
export type { AccountSpec } from './simulated-venue.js';
export type { BookSettings } from './synthetic-book.js';
