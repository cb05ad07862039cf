import path from 'node:path';
import { createModelDirectory } from '../../adapters/files/model-directory.js';
import { promote, readPromotions, rollback } from '../../adapters/files/promotion-file.js';
import { readModelFolder } from '../../adapters/onnx/model-folder.js';
import { boxPaths, type Paths } from '../../config/paths.js';
import { defineVerb } from '../../console/command.js';
import {
  type OperandTable,
  type OptionTable,
  type ValuePlace,
  type Values,
  wrongUsage,
} from '../../console/option-table.js';
import { table } from '../../console/table.js';
import { EXIT, RedbuttonError } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import { createRegistry } from '../../learning/registry.js';
import { askTrader } from '../../research/studies/store-access.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

export const DIRECTORY_OPTIONS = {
  models: {
    value: 'DIR',
    help: 'the folder of models',
    otherwise: "the configured box's",
    completes: 'folder',
  },
  config: CONFIG_OPTION,
  json: { help: 'the answer as JSON' },
} as const satisfies OptionTable;

interface NamedDirectory {
  readonly root: string;
  /** Of the box; null where the folder was named instead. */
  readonly paths: Paths | null;
}

function directoryOf({ models, config }: Values<typeof DIRECTORY_OPTIONS>): NamedDirectory {
  if (models !== undefined) return { root: models, paths: null };
  const paths = boxPaths(configFrom(config));
  return { root: paths.models, paths };
}

const NAME = { name: { value: 'NAME', read: modelName } } as const satisfies OperandTable;

export const modelList = defineVerb({
  options: DIRECTORY_OPTIONS,
  async run(values, io) {
    const { json } = values;
    const { root } = directoryOf(values);
    const { current } = await readPromotions(root);
    const { models, damaged } = await createRegistry(createModelDirectory(root)).list();
    if (json) {
      const shown = models.map(({ name, manifest }) => ({
        name,
        sha256: manifest.sha256,
        createdAt: manifest.createdAt,
        evaluation: manifest.evaluation,
      }));
      io.stdout.write(`${JSON.stringify({ current, models: shown, damaged })}\n`);
      return EXIT.fine;
    }
    const rows = models.map(({ name, manifest }) => [
      name === current ? '*' : ' ',
      name,
      manifest.evaluation?.heldOutAuc?.toFixed(4) ?? '-',
      String(manifest.training?.rows ?? '-'),
      challengeWords(manifest),
    ]);
    io.stdout.write(table([['', 'model', 'AUC', 'rows', 'challenge'], ...rows], [2, 3]));
    if (current === null) io.stdout.write('\nthe configured model decides\n');
    for (const name of damaged) io.stdout.write(`\n${name} holds no readable model\n`);
    return EXIT.fine;
  },
});

export const modelShow = defineVerb({
  operands: NAME,
  options: DIRECTORY_OPTIONS,
  async run(values, io) {
    const { json, name } = values;
    const { root } = directoryOf(values);
    const manifest = await wholeModel(root, name);
    if (json) {
      io.stdout.write(`${JSON.stringify(manifest)}\n`);
      return EXIT.fine;
    }
    const { training, evaluation, calibration, challenge } = manifest;
    const figure = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(4));
    const time = (ms: number | undefined) =>
      ms === undefined ? '-' : new Date(ms).toISOString().slice(0, 16);
    io.stdout.write(
      table([
        ['sha256', manifest.sha256],
        ['made', manifest.createdAt],
        ['trained on', `${training?.rows ?? '-'} rows, ${time(training?.fromMs)} to ${time(training?.toMs)}`],
        ['held-out AUC', figure(evaluation?.heldOutAuc)],
        ['out-of-bag AUC', figure(evaluation?.outOfBagAuc)],
        ['Brier, calibrated', figure(evaluation?.brierCalibrated)],
        ['Brier, base rate', figure(evaluation?.brierBaseRate)],
        ['calibration', calibration.kind],
        ...(challenge === undefined
          ? []
          : [
              ['challenge', `${challengeWords(manifest)}, over ${challenge.rows} rows`],
              ['  against', challenge.championSha256.slice(0, 8)],
              ['  its AUC', figure(challenge.challengerAuc)],
              ["  champion's AUC", figure(challenge.championAuc)],
              ['  by chance', `p ${figure(challenge.difference?.pGreater)}`],
            ]),
      ]),
    );
    return EXIT.fine;
  },
});

/** A running trader goes over between two bars; one that is not running, at its next start. */
export const modelPromote = defineVerb({
  operands: NAME,
  options: DIRECTORY_OPTIONS,
  async run(values, io) {
    const { name } = values;
    const { root, paths } = directoryOf(values);
    // A damaged model is refused here already.
    const manifest = await wholeModel(root, name);
    const byTrader = paths !== null && (await asked(paths, 'promote', { name }));
    if (!byTrader) await promote(root, name);
    io.stdout.write(`${name} (${manifest.sha256.slice(0, 8)}) decides from ${since(byTrader)} on\n`);
    return EXIT.fine;
  },
});

export const modelRollback = defineVerb({
  options: DIRECTORY_OPTIONS,
  async run(values, io) {
    const { root, paths } = directoryOf(values);
    const { before } = await readPromotions(root);
    const last = before.at(-1) ?? null;
    if (last !== null) await wholeModel(root, last);
    const byTrader = paths !== null && (await asked(paths, 'rollback', {}));
    if (!byTrader) await rollback(root);
    io.stdout.write(`${last ?? 'the configured model'} decides from ${since(byTrader)} on\n`);
    return EXIT.fine;
  },
});

const since = (byTrader: boolean) => (byTrader ? 'the next bar' : 'the next start');

/** Lets a running trader do it; false where none runs. */
async function asked(paths: Paths, what: string, body: object): Promise<boolean> {
  try {
    await askTrader(paths, `/model/${what}`, body);
    return true;
  } catch (error) {
    if (error instanceof RedbuttonError && error.code === 'E_SOCKET_NOBODY') return false;
    throw error;
  }
}

function challengeWords({ challenge }: ModelManifest): string {
  if (challenge === undefined) return '';
  return challenge.promoted ? 'won' : `refused: ${challenge.reason.replaceAll('_', ' ')}`;
}

function modelName(text: string, { command }: ValuePlace): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)) return text;
  throw wrongUsage(command, `${JSON.stringify(text)} is no name of a model`, 'see redbutton model list');
}

const wholeModel = async (root: string, name: string): Promise<ModelManifest> =>
  (await readModelFolder(path.join(root, modelName(name, { command: 'model', name: 'NAME' })))).manifest;
