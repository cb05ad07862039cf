import type { ModelManifest } from '../core/manifest.js';
import type { Classifier, Forest, ForestTrainer } from '../ports/model.js';

/** A forest that was just grown, as a model: it answers what its exported file would, bit for bit, without a session. */
export function createForestClassifier(
  trainer: ForestTrainer,
  forest: Forest,
  manifest: ModelManifest,
): Classifier {
  return {
    manifest,
    predict: (rows) => trainer.predict(forest, rows),
    close: async () => undefined,
  };
}
