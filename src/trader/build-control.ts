import { breakerRoutes, isResumeWindowOpen } from '../adapters/control-socket/breaker-routes.js';
import { type ControlServer, createControlServer } from '../adapters/control-socket/control-server.js';
import { createDeclined } from '../adapters/control-socket/declined.js';
import { changesByPersonsOnly } from '../adapters/control-socket/persons-only.js';
import { recoveryRoutes } from '../adapters/control-socket/recovery-routes.js';
import { STORE_BODY_BYTES_MAX, storeRoutes } from '../adapters/control-socket/store-routes.js';
import type { Config } from '../config/schema.js';
import type { Clock } from '../ports/time.js';
import type { Alerting } from './build-alerts.js';
import type { BuiltPipeline } from './build-pipeline.js';
import { candleIntake } from './candle-intake.js';
import type { ModelLifecycle } from './model-lifecycle.js';
import type { OpenedStore } from './open-store.js';

export interface ControlParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly opened: OpenedStore;
  readonly trading: BuiltPipeline;
  readonly alerting: Alerting;
  readonly lifecycle: ModelLifecycle;
}

/** What the trader's control socket answers. What changes anything is for people, not for users of services. */
export function buildControl(parts: ControlParts): ControlServer {
  const { config, clock, opened, trading, alerting, lifecycle } = parts;
  const { store, paths, recovery } = opened;
  const { pipeline, streams, states } = trading;
  const { alerts } = alerting;
  const { rules } = config.ingestion;
  const changes = {
    ...recoveryRoutes(recovery, alerts),
    ...breakerRoutes({
      account: () => pipeline.state().account,
      rebase: (by) => pipeline.rebasePeak(by),
      states,
      alerts,
      windowOpen: () => isResumeWindowOpen(paths.guardSocket),
    }),
    ...lifecycle.routes,
  };
  const declined = createDeclined(clock, (detail) => void alerts.raise('REQUEST_DECLINED', { detail }));
  const intake = candleIntake({ store, pipeline, streams: streams.map(({ key }) => key), rules, clock });
  return createControlServer(
    paths.traderSocket,
    'the trader',
    {
      ...alerting.routes,
      ...changesByPersonsOnly(changes, declined),
      ...storeRoutes(store.queries, paths.handover, intake),
    },
    STORE_BODY_BYTES_MAX,
  );
}
