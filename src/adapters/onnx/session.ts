import { isMainThread } from 'node:worker_threads';
import { InferenceSession } from 'onnxruntime-node';
import { badInput, invariant, messageOf } from '../../core/errors.js';

// Since 1.29 the runtime sends Microsoft what models are loaded (file name, producer, hashes) and how they do, and keeps an
// id of the machine below the home directory, unless this is set before its first session.
process.env.ORT_DISABLE_TELEMETRY = '1';

/**
 * Opens a model with one thread in and between operators and no reordering, so that answers are the same bits on every
 * run. Throws `E_MODEL_LOAD` where the runtime refuses the bytes; `place` names the file. The main thread's alone.
 */
export async function openSession(model: Uint8Array, place: string): Promise<InferenceSession> {
  invariant(
    isMainThread,
    "a thread's environment does not reach the ONNX runtime, which would send telemetry",
  );
  try {
    return await InferenceSession.create(model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      executionProviders: ['cpu'],
      // Errors come back as exceptions; the runtime's own lines on stderr would say them twice.
      logSeverityLevel: 4,
    });
  } catch (error) {
    throw badInput(
      'E_MODEL_LOAD',
      `${place} is refused by the ONNX runtime: ${messageOf(error).split('\n')[0]}`,
      'export the model again, with operators that ONNX Runtime knows',
      error,
    );
  }
}
