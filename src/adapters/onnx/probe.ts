import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { badInput, messageOf, type RedbuttonError } from '../../core/errors.js';
import { type FeatureColumn, MODEL_COLUMNS, MODEL_WIDTH } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import { openSession } from './session.js';

/** What a manifest says of a model's graph, found out by trying. */
export type ProbedGraph = Pick<ModelManifest, 'input' | 'output' | 'batchable'>;

const ROWS = 64;
/** Names that exporters give to the probabilities, tried first where a model has several float outputs. */
const PROBABILITY_NAMES = ['probabilities', 'output_probability', 'probability', 'probs'];

/**
 * Finds out how a classifier made elsewhere is to be fed and read, and runs a probe batch through it. `upIndex` names the
 * column of P(up), by default the last. Throws, with the reason: `E_MODEL_LOAD`, `E_MODEL_INPUT` (not one float matrix),
 * `E_MODEL_WIDTH`, `E_MODEL_NO_PROBABILITY`, `E_MODEL_RUN`, `E_MODEL_NOT_FINITE`.
 */
export async function probeModel(
  model: Uint8Array,
  place: string,
  upIndex: number | undefined,
): Promise<ProbedGraph> {
  const session = await openSession(model, place);
  try {
    const input = inputOf(session, place);
    const name = probabilityName(session, place);
    const rows = probeRows();
    const single: number[][] = [];
    for (let i = 0; i < ROWS; i++) {
      const row = rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH);
      single.push(await answers(session, input, name, row, 1, place));
    }
    const columns = single[0]!.length;
    check(single, columns, name, place);
    const up = upIndex ?? columns - 1;
    if (up >= columns) {
      throw badInput(
        'E_MODEL_NO_PROBABILITY',
        `${place}: output ${name} has ${columns} column, there is no column ${up}`,
        'name the column of P(up) with --up-index, counted from 0',
      );
    }
    return {
      input,
      output: { name, form: 'tensor', upIndex: up },
      batchable: await isBatchable(session, input, name, rows, single, place),
    };
  } finally {
    await session.release();
  }
}

function inputOf(session: InferenceSession, place: string): ModelManifest['input'] {
  const [input, ...more] = session.inputMetadata;
  const refuse = (what: string) =>
    badInput(
      'E_MODEL_INPUT',
      `${place}: ${what}`,
      `export the model with one float or double input of [rows, ${MODEL_WIDTH}]`,
    );
  if (input === undefined || more.length > 0) {
    throw refuse(`the model has ${session.inputNames.length} inputs, one is expected`);
  }
  if (!input.isTensor || (input.type !== 'float32' && input.type !== 'float64')) {
    throw refuse(`input ${input.name} is ${input.isTensor ? input.type : 'no tensor'}, not float or double`);
  }
  const [rows, width] = input.shape;
  if (input.shape.length !== 2) {
    throw refuse(`input ${input.name} has ${input.shape.length} dimensions, not rows and columns`);
  }
  if (typeof rows === 'number' && rows !== 1)
    throw refuse(`input ${input.name} takes ${rows} rows at a time`);
  if (typeof width === 'number' && width !== MODEL_WIDTH) {
    throw badInput(
      'E_MODEL_WIDTH',
      `${place}: input ${input.name} takes ${width} columns, the feature set has ${MODEL_WIDTH}`,
      'train the model on the columns of this feature set, in its order',
    );
  }
  return { name: input.name, type: input.type };
}

function probabilityName(session: InferenceSession, place: string): string {
  const candidates = session.outputMetadata.flatMap((output) =>
    output.isTensor &&
    (output.type === 'float32' || output.type === 'float64') &&
    output.shape.length <= 2 &&
    !(output.shape.length === 2 && typeof output.shape[1] === 'number' && output.shape[1] > 2)
      ? [output.name]
      : [],
  );
  const name = PROBABILITY_NAMES.find((known) => candidates.includes(known)) ?? candidates[0];
  if (name !== undefined) return name;
  const outputs = session.outputMetadata.map(
    (output) => `${output.name} (${output.isTensor ? `${output.type} [${output.shape}]` : 'no tensor'})`,
  );
  throw badInput(
    'E_MODEL_NO_PROBABILITY',
    `${place}: none of the outputs ${outputs.join(', ')} can be probabilities of two classes`,
    'export the classifier with a float output of [rows, 2] or [rows, 1]',
  );
}

const LOG_RETURNS = [-0.1, 0.1] as const;
const PROBED: Readonly<Record<FeatureColumn, readonly [low: number, high: number]>> = {
  log_return: LOG_RETURNS,
  rsi: [0, 100],
  bb_width: [0, 0.5],
  volatility: [0, 2],
  vol_zscore: [-4, 4],
  lag_1: LOG_RETURNS,
  lag_2: LOG_RETURNS,
  lag_3: LOG_RETURNS,
  lag_5: LOG_RETURNS,
  lag_10: LOG_RETURNS,
};

/** Rows over the range that the features take in markets, and a few beyond it. Fixed, so that a probe can be repeated. */
function probeRows(): Float64Array {
  let state = 42;
  return Float64Array.from({ length: ROWS * MODEL_WIDTH }, (_, i) => {
    state = (state * 48_271) % 2_147_483_647;
    const share = (state / 2_147_483_647) * 1.2 - 0.1;
    const [low, high] = PROBED[MODEL_COLUMNS[i % MODEL_WIDTH]!];
    return low + share * (high - low);
  });
}

async function answers(
  session: InferenceSession,
  input: ModelManifest['input'],
  output: string,
  rows: Float64Array,
  count: number,
  place: string,
): Promise<number[]> {
  const values = input.type === 'float32' ? Float32Array.from(rows) : rows.slice();
  try {
    const tensor = new Tensor(input.type, values as Float32Array, [count, MODEL_WIDTH]);
    const result = await session.run({ [input.name]: tensor }, [output]);
    return Array.from(result[output]!.data as Float32Array);
  } catch (error) {
    throw badInput(
      'E_MODEL_RUN',
      `${place} fails on a probe of ${count} rows and ${MODEL_WIDTH} columns: ${messageOf(error).split('\n')[0]}`,
      'train the model on the columns of this feature set, in its order',
      error,
    );
  }
}

function check(single: readonly number[][], columns: number, name: string, place: string): void {
  const refuse = (what: string): RedbuttonError =>
    badInput(
      'E_MODEL_NO_PROBABILITY',
      `${place}: output ${name} ${what}`,
      'export the classifier with its probabilities, not with scores or labels alone',
    );
  if (columns !== 1 && columns !== 2) throw refuse(`gives ${columns} values a row, one or two are expected`);
  for (const [i, row] of single.entries()) {
    if (!row.every(Number.isFinite)) {
      throw badInput(
        'E_MODEL_NOT_FINITE',
        `${place}: output ${name} gives ${row.join(', ')} for row ${i} of the probe`,
        'look for a division by zero or a logarithm in the model, and export it again',
      );
    }
    if (row.some((p) => p < 0 || p > 1)) throw refuse(`gives ${row.join(', ')}, outside of 0 to 1`);
    if (columns === 2 && Math.abs(row[0]! + row[1]! - 1) > 1e-3) {
      throw refuse(`gives ${row.join(', ')}, which do not sum to 1`);
    }
  }
}

/** Whether a batch gives the very bits of single rows. A model that takes no batch at all is none either. */
async function isBatchable(
  session: InferenceSession,
  input: ModelManifest['input'],
  name: string,
  rows: Float64Array,
  single: readonly number[][],
  place: string,
): Promise<boolean> {
  const flat = single.flat();
  for (const count of [2, 7, ROWS]) {
    let batch: number[];
    try {
      batch = await answers(session, input, name, rows.subarray(0, count * MODEL_WIDTH), count, place);
    } catch {
      return false;
    }
    const expected = flat.slice(0, batch.length);
    if (batch.length !== count * single[0]!.length || !batch.every((p, i) => Object.is(p, expected[i]))) {
      return false;
    }
  }
  return true;
}
