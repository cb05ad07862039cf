import type { CcxtExchange } from './ccxt-module.js';
import { urgentRequests } from './request-hold.js';

/** Of each request limit, kept back for cancels and for what an emergency asks. */
const EMERGENCY_SHARE = 0.2;

/**
 * Lets urgent requests leave at once, past ccxt's line, and has all others wait for a part of the limit only, so that there
 * is room. What an urgent request costs is taken from what the others may ask next.
 */
export function keepRoomForUrgent(api: CcxtExchange): void {
  const { config } = api.throttler;
  config.refillRate *= 1 - EMERGENCY_SHARE;
  if (config.maxWeight !== undefined) config.maxWeight *= 1 - EMERGENCY_SHARE;
  const throttle = api.throttle.bind(api);
  api.throttle = async (cost) => {
    if (urgentRequests.getStore() === undefined) return throttle(cost);
    if (config.algorithm === 'leakyBucket') config.tokens -= cost ?? 1;
    return undefined;
  };
}
