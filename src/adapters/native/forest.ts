import { badInput, fault } from '../../core/errors.js';
import type { Forest, ForestOptions, ForestTrainer, TrainedForest } from '../../ports/model.js';
import { loadAddon } from './addon.js';

interface ForestAddon {
  trainForest(
    rows: Float64Array,
    labels: Uint8Array,
    width: number,
    options: ForestOptions,
    onProgress: (done: number) => void,
  ): { readonly done: Promise<TrainedForest>; cancel(): void };
  predictForest(forest: Forest, rows: Float64Array): Promise<Float64Array>;
}

/** What a refusal of the native trainer carries. */
interface Refusal {
  readonly code?: string;
  readonly row?: number;
  readonly column?: number;
}

/** The native trainer behind its port. Throws `E_NATIVE_MISSING` where the addon does not load. */
export function createForestTrainer(): ForestTrainer {
  const addon = loadAddon<ForestAddon>(['trainForest', 'predictForest']);
  return {
    async train(rows, labels, width, options, hooks = {}) {
      hooks.signal?.throwIfAborted();
      let reported = 0;
      const report = (done: number) => {
        if (done <= reported) return;
        reported = done;
        hooks.onProgress?.(done);
      };
      const job = addon.trainForest(rows, labels, width, options, report);
      const cancel = () => job.cancel();
      hooks.signal?.addEventListener('abort', cancel, { once: true });
      try {
        const trained = await job.done;
        report(options.trees);
        return trained;
      } catch (error) {
        throw asError(error as Refusal, hooks.signal, labels.length);
      } finally {
        hooks.signal?.removeEventListener('abort', cancel);
      }
    },
    predict: (forest, rows) => addon.predictForest(forest, rows),
  };
}

function asError(refusal: Refusal, signal: AbortSignal | undefined, rows: number): unknown {
  switch (refusal.code) {
    case 'CANCELED':
      return signal?.reason;
    case 'NOT_FINITE':
      return badInput(
        'E_TRAIN_VALUE',
        `training row ${refusal.row}, column ${refusal.column}: the value is not finite in single precision`,
        'leave out rows with missing or absurd values',
        refusal,
      );
    case 'ONE_CLASS':
      return badInput(
        'E_TRAIN_CLASSES',
        `all ${rows} training rows have the same label`,
        'train on a longer span, in which the price both rises and falls',
        refusal,
      );
    case 'TOO_MANY_ROWS':
      return badInput(
        'E_TRAIN_ROWS',
        `${rows} training rows are more than the trainer takes (2097151)`,
        'train on a shorter span',
        refusal,
      );
    case 'TOO_FEW_ROWS':
      return badInput('E_TRAIN_ROWS', `${rows} training rows are too few`, 'train on a longer span', refusal);
    default:
      return fault(
        'E_TRAIN',
        `the native trainer failed: ${refusal.code ?? String(refusal)}`,
        'report this',
        refusal,
      );
  }
}
