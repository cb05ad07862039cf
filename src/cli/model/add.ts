import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeModelFolder } from '../../adapters/files/model-directory.js';
import { probeModel } from '../../adapters/onnx/probe.js';
import { defineVerb } from '../../console/command.js';
import type { OptionTable } from '../../console/option-table.js';
import { whole } from '../../console/option-values.js';
import { table } from '../../console/table.js';
import { badInput, EXIT, messageOf } from '../../core/errors.js';
import { FEATURE_SET_VERSION, MODEL_COLUMNS } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import { manifestText } from '../../core/manifest-schema.js';
import { withoutZipMap } from '../../learning/onnx/zip-map.js';

const SIZE_MAX = 512 * 1024 * 1024;

export const ADD_OPTIONS = {
  features: { value: FEATURE_SET_VERSION, help: 'feature set the model was trained on', required: true },
  out: { value: 'DIR', help: 'where the model goes', required: true, completes: 'folder' },
  'up-index': {
    value: 'N',
    help: 'column of P(up), counted from 0',
    otherwise: 'the last',
    read: whole(0, 1),
  },
  horizon: {
    value: 'BARS',
    help: 'how far ahead its label looks',
    default: '1',
    read: whole(1, 1000),
  },
  json: { help: 'what was found as JSON' },
} as const satisfies OptionTable;

/** Takes a model in that was trained elsewhere. */
export const modelAdd = defineVerb({
  operands: { file: { value: 'FILE.onnx', completes: 'file' } },
  options: ADD_OPTIONS,
  async run(values, io) {
    const { file, out, features: featureSet } = values;
    if (featureSet !== FEATURE_SET_VERSION) {
      throw badInput(
        'E_MODEL_FEATURES',
        `model: --features ${featureSet} is not computed here, only ${FEATURE_SET_VERSION} is`,
        'train the model on this feature set',
      );
    }
    const given = await readModel(file);
    const { bytes, changes } = withoutZipMap(given);
    const graph = await probeModel(bytes, file, values['up-index']);
    const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
    const manifest: ModelManifest = {
      manifestVersion: 1,
      kind: 'external',
      featureSet,
      columns: MODEL_COLUMNS,
      horizonBars: values.horizon,
      ...graph,
      sha256: hash(bytes),
      calibration: { kind: 'identity' },
      training: null,
      evaluation: null,
      reference: [],
      featureImportance: {},
      imported: { sha256: hash(given), changes },
      createdAt: new Date().toISOString(),
    };
    await writeModelFolder(out, bytes, manifestText(manifest));

    if (values.json) {
      io.stdout.write(`${JSON.stringify({ out, sha256: manifest.sha256, ...graph, changes })}\n`);
      return EXIT.fine;
    }
    io.stdout.write(
      table([
        ['input', `${graph.input.name} (${graph.input.type})`],
        ['output', `${graph.output.name}, column ${graph.output.upIndex} is P(up)`],
        ['batches', graph.batchable ? 'answer as single rows do' : 'differ from single rows: run row by row'],
        ['changed', changes.join('; ') || 'nothing'],
        ['model', `${out}/model.onnx`],
        ['sha256', manifest.sha256],
      ]),
    );
    return EXIT.fine;
  },
});

async function readModel(file: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw badInput(
      'E_MODEL_MISSING',
      missing ? `${file} does not exist` : `${file} cannot be read: ${messageOf(error)}`,
      'check the path of the model file',
      error,
    );
  }
  if (bytes.length > 0 && bytes.length <= SIZE_MAX) return bytes;
  throw badInput(
    'E_MODEL_FILE',
    `${file} has ${bytes.length} bytes; a model has between 1 and ${SIZE_MAX}`,
    'export the model again',
  );
}
