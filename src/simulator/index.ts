/** The exchange simulator: a Binance spot look-alike on loopback that replays candles. */
export { ExchangeSimulator, type SimulatorOptions } from './exchange-simulator.js';
export { type FaultSettings, faultsOfSeed, readFaults } from './fault-injector.js';
export { createFollowingClock, type FollowingClock } from './following-clock.js';
export type { Interception, Interceptor } from './http-front.js';
export { simulatedClock } from './simulated-clock.js';
