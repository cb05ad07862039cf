import { createBoxProbes } from '../adapters/vitals/box-probes.js';
import type { Config } from '../config/schema.js';
import type { Alerts } from '../core/alert.js';
import type { Clock } from '../ports/time.js';
import { type BoxConditions, createBoxConditions } from './box-conditions.js';
import type { TradedExchange } from './open-exchanges.js';

/** Time and disk of the box, which must be in order before a bar is taken. */
export function boxConditions(parts: {
  readonly config: Config;
  readonly exchanges: readonly TradedExchange[];
  readonly clock: Clock;
  readonly alerts: Alerts;
}): BoxConditions {
  const { config, exchanges, clock, alerts } = parts;
  const { stateDir } = config.device;
  return createBoxConditions({
    probes: createBoxProbes({
      connections: exchanges.map(({ connection }) => connection),
      ownTime: exchanges.some(({ simulatedTime }) => simulatedTime),
      check: config.clock.check,
      stateDir,
    }),
    clock,
    alerts,
    offsetMsMax: config.clock.offsetMsMax,
    diskReserveBytes: config.storage.diskReserveMb * 1_000_000,
    stateDir,
  });
}
