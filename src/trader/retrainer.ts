import { serveBackground } from '../adapters/background-process/index.js';
import { createFeatureKernel } from '../adapters/native/features.js';
import { createForestTrainer } from '../adapters/native/forest.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import { type RetrainRequest, retrain } from './retrain-job.js';

/** What the retraining process is told beside the work itself. */
export interface RetrainerRequest extends RetrainRequest {
  /** Folder of the champion. */
  readonly championDir: string;
}

/** The process that trains: it holds nothing of the trader, and the trader continues whatever becomes of it. */
serveBackground(async (given, onProgress) => {
  const request = given as RetrainerRequest;
  const champion = await loadClassifier(request.championDir);
  try {
    return await retrain(request, {
      trainer: createForestTrainer(),
      kernel: createFeatureKernel(),
      champion,
      onProgress,
    });
  } finally {
    await champion.close();
  }
});
