import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeModelFolder } from '../../adapters/files/model-shelf.js';
import { probeModel } from '../../adapters/onnx/probe.js';
import { table } from '../../console/terminal.js';
import { badInput, EXIT, messageOf } from '../../core/errors.js';
import { FEATURE_SET_VERSION, MODEL_COLUMNS } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import { manifestText } from '../../core/manifest-schema.js';
import { withoutZipMap } from '../../learning/onnx/zip-map.js';
import { type Command, parseOptions, required } from '../command.js';
import { DEFAULT_CONFIG_FILE } from '../config-option.js';
import { wholeNumber } from '../whole-number.js';
import { modelHealth, modelRetrain } from './health.js';
import { modelShadow } from './shadow.js';
import { modelList, modelPromote, modelRollback, modelShow } from './shelf.js';

const SIZE_MAX = 512 * 1024 * 1024;

export const command: Command = {
  name: 'model',
  summary: 'list, promote and take in models',
  help: `Usage: redbutton model health|retrain [--json]
       redbutton model shadow [--since DAY] [--json]
       redbutton model list [--json]
       redbutton model show|promote NAME
       redbutton model rollback
       redbutton model add FILE.onnx --features ${FEATURE_SET_VERSION} --out DIR [OPTION ...]

health asks the running trader how its model does. retrain lets it train a
challenger and hold it against the model on rows that neither has seen; the
challenger decides only when it is better by a margin, with significance.

shadow holds the predictions of the configured shadow model, which is recorded
and never traded, against those of the model that decided.

list, show, promote and rollback work on the models that were trained on this
box, refused ones with their figures included: promote lets one decide, rollback
goes back to the one before it. Both check the model first; a running trader
goes over between two bars, one that is not running at its next start.

  --models DIR          the folder of models (the configured box's)
  --config FILE         (default ${DEFAULT_CONFIG_FILE})

add checks a classifier exported elsewhere on a probe batch and writes it, with a
manifest, to DIR. It takes one float or double input of [rows, ${MODEL_COLUMNS.length}], in the order
  ${MODEL_COLUMNS.slice(0, 5).join(', ')},
  ${MODEL_COLUMNS.slice(5).join(', ')}
unscaled (scaling belongs into the graph), and gives the probabilities of down
and up as a tensor or, as scikit-learn's exporters do, as a sequence of maps;
the ZipMap that makes the maps is taken out, and the manifest says so. Refused,
with the reason: another width, no probability, figures that are not finite.

A model from elsewhere has no calibration and no reference of its training
data: its probabilities are taken as they are, and drift is not watched.

  --features VERSION    feature set the model was trained on
  --up-index N          column of P(up), counted from 0 (the last)
  --horizon BARS        how far ahead its label looks (1)
  --json                what was found as JSON
`,

  async run(args, io) {
    const shelf = {
      health: modelHealth,
      shadow: modelShadow,
      retrain: modelRetrain,
      list: modelList,
      show: modelShow,
      promote: modelPromote,
      rollback: modelRollback,
    };
    const first = args[0] ?? '';
    if (Object.hasOwn(shelf, first)) return shelf[first as keyof typeof shelf](args, io);
    const { values, positionals } = parseOptions(
      'model',
      args,
      {
        features: { type: 'string' },
        out: { type: 'string' },
        'up-index': { type: 'string' },
        horizon: { type: 'string', default: '1' },
        json: { type: 'boolean' },
      },
      ['add', 'FILE.onnx'],
    );
    const [verb, file] = positionals as readonly [string, string];
    if (verb !== 'add') {
      throw badInput('E_USAGE', `model: there is no "model ${verb}"`, 'see redbutton model --help');
    }
    const out = required('model', 'out', values.out);
    const featureSet = required('model', 'features', values.features);
    if (featureSet !== FEATURE_SET_VERSION) {
      throw badInput(
        'E_MODEL_FEATURES',
        `model: --features ${featureSet} is not computed here, only ${FEATURE_SET_VERSION} is`,
        'train the model on this feature set',
      );
    }
    const upIndex = values['up-index'];
    const given = await readModel(file);
    const { bytes, changes } = withoutZipMap(given);
    const graph = await probeModel(
      bytes,
      file,
      upIndex === undefined ? undefined : wholeNumber('model', 'up-index', upIndex, 0, 1),
    );
    const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
    const manifest: ModelManifest = {
      manifestVersion: 1,
      kind: 'external',
      featureSet,
      columns: MODEL_COLUMNS,
      horizonBars: wholeNumber('model', 'horizon', values.horizon, 1, 1000),
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
};

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
