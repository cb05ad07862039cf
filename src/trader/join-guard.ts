import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import type { DuckStore } from '../adapters/duckdb/index.js';
import type { SimulatedGpio } from '../adapters/gpio/simulated.js';
import { createTraderLinkClient } from '../adapters/guard-link/client.js';
import type { Log } from '../adapters/log/log.js';
import type { Config } from '../config/schema.js';
import { badInput, messageOf, RedbuttonError } from '../core/errors.js';
import { HaltHandler, type HaltHandlerOptions } from '../execution/halt-handler.js';
import type { GuardNotice } from '../guard/guard.js';
import { InProcessGuard, simulatedButtonOf } from '../guard/in-process.js';
import { haltRecordOf, raiseNotice } from '../guard/notice-report.js';
import type { GuardLink } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import type { Alerting } from './build-alerts.js';
import type { BuiltPipeline } from './build-pipeline.js';
import { haltExchanges } from './halt-exchanges.js';
import type { TradedExchange } from './open-exchanges.js';

/** The fourth phase of a start: the line to the guard, or a guard in this process. */
export interface JoinedGuard {
  readonly link: GuardLink;
  /** Null where the guard is a process of its own. */
  readonly guard: InProcessGuard | null;
}

export interface GuardParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: DuckStore;
  readonly linkSocket: string;
  readonly exchanges: readonly TradedExchange[];
  readonly trading: BuiltPipeline;
  readonly alerting: Alerting;
  readonly gpio: SimulatedGpio | undefined;
  readonly onNotice: ((notice: GuardNotice) => void) | undefined;
}

export function joinGuard(parts: GuardParts): JoinedGuard {
  const { config, clock, exchanges, trading } = parts;
  const guard = config.guard.mode === 'in-process' ? makeGuard(parts) : null;
  const halts = new HaltHandler({
    exchanges: haltExchanges(exchanges, trading.brokers, trading.pipeline),
    clock,
    isOurs: trading.isOurs,
    scope: config.guard.haltScope,
    endCreates() {
      for (const { connection } of exchanges) connection.creates.recheck();
    },
    ...(guard === null && recordedHalts(parts)),
  });
  if (guard !== null) return { guard, link: guard.link(halts) };
  return {
    guard,
    link: createTraderLinkClient(parts.linkSocket, halts, clock, createSystemScheduler()),
  };
}

/** A halt that cannot be recorded is carried out all the same; the owner hears of the store, once until it takes one again. */
function recordedHalts({
  log,
  store,
  alerting,
}: GuardParts): Pick<HaltHandlerOptions, 'record' | 'onUnrecorded'> {
  let isReported = false;
  return {
    async record(record) {
      await store.recordHalt(record);
      isReported = false;
      alerting.publishState();
    },
    onUnrecorded(error) {
      log.error({ err: error }, 'a halt could not be recorded');
      if (isReported) return;
      isReported = true;
      const errorCode = error instanceof RedbuttonError ? error.code : 'E_STORE';
      alerting.alerts
        .raise('LAYER_FAULT', { layer: 'storage', errorCode, detail: messageOf(error) })
        .catch((lost) => log.error({ err: lost }, 'an alert was lost'));
    },
  };
}

function makeGuard({ config, clock, log, store, alerting, gpio, onNotice }: GuardParts): InProcessGuard {
  if (!gpio)
    throw badInput(
      'E_GUARD_LINES',
      'guard.mode is in-process, but this command has no lines for it',
      'use a guard process',
    );
  log.warn('the guard runs inside the trader: fit for paper, it would die with it');
  return new InProcessGuard({
    config,
    clock,
    scheduler: createSystemScheduler(),
    gpio,
    simulatedButton: simulatedButtonOf(gpio, config),
    onNotice(notice) {
      const record = haltRecordOf(notice);
      const recorded = record === null ? Promise.resolve() : store.recordHalt(record);
      recorded
        .then(() => raiseNotice(alerting.alerts, notice))
        .catch((error) => log.error({ err: error }, 'a notice of the guard was lost'));
      log.warn({ kind: notice.kind, state: notice.state, detail: notice.detail }, 'guard');
      alerting.publishState();
      onNotice?.(notice);
    },
  });
}
