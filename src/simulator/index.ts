/** The exchange simulator: a look-alike of a real exchange on loopback that replays candles. */
export { DIALECTS, type DialectId } from './dialects/registry.js';
export { ExchangeSimulator, type SimulatorOptions } from './exchange-simulator.js';
export { type FaultSettings, faultsOfSeed, readFaults } from './fault-injector.js';
export { createFollowingClock, type FollowingClock } from './following-clock.js';
export type { Interception, Interceptor } from './http-front.js';
export { simulatedClock } from './simulated-clock.js';
