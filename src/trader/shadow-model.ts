import type { Log } from '../adapters/log/log.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import type { Config } from '../config/schema.js';
import type { Alerts } from '../core/alert.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import type { AuditLog } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { Closing } from './closing.js';
import { createShadow } from './shadow.js';

export interface ShadowModelOptions {
  readonly config: Pick<Config, 'shadowModelDir'>;
  readonly store: Pick<AuditLog, 'recordShadow'>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly alerts: Alerts;
  readonly log: Log;
  readonly closing: Closing;
}

/** What tells the configuration's shadow model of bars; the model is checked like the one that decides. */
export async function openShadowModel(options: ShadowModelOptions): Promise<(outcome: BarOutcome) => void> {
  const { config, store, clock, alerts, log } = options;
  if (config.shadowModelDir === undefined) return () => undefined;
  const classifier = await loadClassifier(config.shadowModelDir);
  let failedMs = 0;
  const tell = (work: Promise<void>) => {
    work.catch((error: unknown) => log.error({ err: error }, 'an alert was lost'));
  };
  const shadow = createShadow({
    classifier,
    store,
    onFault(detail) {
      failedMs = clock.wallMs();
      log.error({ detail }, 'the shadow model failed');
      tell(alerts.raise('LAYER_FAULT', { layer: 'shadow model', errorCode: 'E_SHADOW', detail }));
    },
    onBack: () =>
      tell(alerts.raise('LAYER_BACK', { layer: 'shadow model', afterMs: clock.wallMs() - failedMs })),
  });
  log.info({ model: classifier.manifest.sha256 }, 'a shadow model runs alongside the one that decides');
  options.closing.add(async () => {
    await shadow.idle();
    await classifier.close();
  });
  return shadow.onBar;
}
