import { createDeadMansSwitch } from '../adapters/ccxt/index.js';
import type { Log } from '../adapters/log/log.js';
import type { Config } from '../config/schema.js';
import type { Alerts } from '../core/alert.js';
import type { Broker } from '../ports/broker.js';
import type { Clock } from '../ports/time.js';
import { createDeadMansWatch } from './dead-mans-watch.js';
import type { TradedExchange } from './open-exchanges.js';

export interface RestingOrderSafeguardsParts {
  readonly config: Pick<Config, 'mode' | 'risk' | 'execution'>;
  readonly exchanges: readonly TradedExchange[];
  /** Of the exchanges, in their order. */
  readonly brokers: readonly Broker[];
  readonly clock: Clock;
  readonly alerts: Alerts;
  readonly log: Log;
}

/**
 * What rests at the exchanges while the box lives or dies: says where no protective stop can rest, and keeps the exchanges'
 * own dead man's switches wound up, but for those that would cancel the stops that a dead box needs most.
 */
export function createRestingOrderSafeguards(parts: RestingOrderSafeguardsParts): {
  start(): Promise<void>;
  stop(): Promise<void>;
} {
  const { config, exchanges, log } = parts;
  const stopsRest = config.risk.protectiveStopPct > 0;
  const seconds = config.execution.deadMansSwitchSeconds;
  const watches = exchanges.flatMap(({ id, connection, config: { symbols } }) => {
    const device = config.mode === 'live' && seconds > 0 ? createDeadMansSwitch(connection, symbols) : null;
    if (device === null) return [];
    if (stopsRest && device.terms.cancelsStops) {
      const { cancels } = device.terms;
      log.warn(
        { exchange: id, cancels },
        "its dead man's switch is off: it would cancel the protective stops",
      );
      return [];
    }
    return [createDeadMansWatch({ ...parts, exchange: id, device, seconds })];
  });
  return {
    async start() {
      if (stopsRest) await reportWithoutStops(parts);
      for (const watch of watches) watch.start();
    },
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()));
    },
  };
}

/** Says at which live exchanges, and for which symbols, no stop can rest. */
async function reportWithoutStops({
  exchanges,
  brokers,
  log,
  alerts,
}: RestingOrderSafeguardsParts): Promise<void> {
  for (const [i, { id, config }] of exchanges.entries()) {
    const broker = brokers[i]!;
    if (broker.kind !== 'live') continue;
    const symbols = config.symbols.filter((symbol) => broker.takesStops?.(symbol) !== true).join(', ');
    if (symbols === '') continue;
    log.warn({ exchange: id, symbols }, 'no protective stop can rest there');
    await alerts.raise('STOPS_NOT_OFFERED', { exchange: id, symbols });
  }
}
