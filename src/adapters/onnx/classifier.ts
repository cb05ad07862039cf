import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { badInput, fault, invariant } from '../../core/errors.js';
import { MODEL_WIDTH } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { Classifier } from '../../ports/model.js';
import { readModelFolder } from './model-folder.js';
import { openSession } from './session.js';

/** Rows scored in one call of a batchable model: long enough to be quick, short enough not to hold up the event loop. */
const BATCH_ROWS = 4096;

/**
 * Loads the model of a folder that holds `model.onnx` and `manifest.json`. Each mismatch is one clear refusal: see
 * {@link readModelFolder}, `E_MODEL_LOAD`, and `E_MODEL_GRAPH` where the graph lacks what the manifest names.
 */
export async function loadClassifier(dir: string): Promise<Classifier> {
  const { manifest, model, modelFile } = await readModelFolder(dir);
  const session = await openSession(model, modelFile);
  checkGraph(session, manifest, modelFile);
  return createClassifier(session, manifest);
}

/** A classifier over an open session, which it closes. */
export function createClassifier(session: InferenceSession, manifest: ModelManifest): Classifier {
  const { input, output } = manifest;
  const fetches = [output.name];
  const feeds = (values: Float32Array | Float64Array, count: number) => ({
    [input.name]: new Tensor(input.type, values as Float32Array, [count, MODEL_WIDTH]),
  });
  const buffer = (count: number) =>
    input.type === 'float32' ? new Float32Array(count * MODEL_WIDTH) : new Float64Array(count * MODEL_WIDTH);

  // One row is the live path: its memory and tensor are made once. While a call is under way they are taken, and a
  // second caller gets its own.
  const oneRow = buffer(1);
  const oneRowFeeds = feeds(oneRow, 1);
  let taken = false;

  const score = async (
    feed: InferenceSession.OnnxValueMapType,
    out: Float64Array,
    from: number,
    count: number,
  ): Promise<void> => {
    const tensor = (await session.run(feed, fetches))[output.name];
    const data = tensor?.data as Float32Array | Float64Array;
    const columns = data.length / count;
    if (!(columns > output.upIndex)) {
      throw fault(
        'E_MODEL_OUTPUT',
        `the model answered ${data.length} values for ${count} rows`,
        'add the model again with redbutton model add',
      );
    }
    for (let i = 0; i < count; i++) out[from + i] = data[i * columns + output.upIndex]!;
  };

  return {
    manifest,
    async predict(rows, count) {
      invariant(rows.length === count * MODEL_WIDTH, `${rows.length} values for ${count} rows`);
      const out = new Float64Array(count);
      if (count === 1 && !taken) {
        taken = true;
        try {
          oneRow.set(rows);
          await score(oneRowFeeds, out, 0, 1);
        } finally {
          taken = false;
        }
        return out;
      }
      const step = manifest.batchable ? BATCH_ROWS : 1;
      for (let from = 0; from < count; from += step) {
        const part = Math.min(step, count - from);
        const values = buffer(part);
        values.set(rows.subarray(from * MODEL_WIDTH, (from + part) * MODEL_WIDTH));
        await score(feeds(values, part), out, from, part);
      }
      return out;
    },
    async close() {
      await session.release();
    },
  };
}

function checkGraph(session: InferenceSession, manifest: ModelManifest, place: string): void {
  const missing = [
    ...(session.inputNames.includes(manifest.input.name) ? [] : [`input ${manifest.input.name}`]),
    ...(session.outputNames.includes(manifest.output.name) ? [] : [`output ${manifest.output.name}`]),
  ];
  if (missing.length === 0) return;
  throw badInput(
    'E_MODEL_GRAPH',
    `${place} has no ${missing.join(' and no ')}, which its manifest names`,
    'restore the model folder whole, or add the model again with redbutton model add',
  );
}
