import { messageOf } from '../core/errors.js';
import type { BarRecord } from '../core/records.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import { createInferenceLayer } from '../pipeline/inference/index.js';
import type { Classifier } from '../ports/model.js';
import type { AuditLog } from '../ports/store.js';

export interface ShadowDeps {
  readonly classifier: Classifier;
  readonly store: Pick<AuditLog, 'recordShadow'>;
  /** Told of the first of a run of bars that the model could not answer, or whose answer could not be stored. */
  readonly onFault: (detail: string) => void;
  /** Told when it goes again after that. */
  readonly onBack: () => void;
}

/**
 * A model beside the one that decides: asked the same rows once the bar is over, recorded, and read by nobody who trades.
 * Bars never wait for it.
 */
export interface Shadow {
  onBar(outcome: BarOutcome): void;
  /** Resolves when all bars given so far are recorded, or told as faults. */
  idle(): Promise<void>;
}

/** Throws `E_MODEL_FEATURES` where the model asks for other features. */
export function createShadow({ classifier, store, onFault, onBack }: ShadowDeps): Shadow {
  const inference = createInferenceLayer({ classifier });
  let work: Promise<void> = Promise.resolve();
  let failing = false;

  async function note({ stream, candle, features }: BarRecord): Promise<void> {
    if (features === null) return;
    const row = { openMs: candle.openMs, values: features, status: 'ok' } as const;
    const answer = await inference.predict(row);
    if (typeof answer === 'string') throw new Error(inference.lastFault() ?? answer);
    await store.recordShadow({ ...answer, stream });
    if (failing) onBack();
    failing = false;
  }

  return {
    onBar(outcome) {
      if (outcome.kind !== 'decided') return;
      work = work
        .then(() => note(outcome.record))
        .catch((error: unknown) => {
          if (!failing) onFault(messageOf(error));
          failing = true;
        });
    },
    idle: () => work,
  };
}
