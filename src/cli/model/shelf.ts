import path from 'node:path';
import { createModelShelf } from '../../adapters/files/model-shelf.js';
import { promote, readPromotions, rollback } from '../../adapters/files/promotion-file.js';
import { readModelFolder } from '../../adapters/onnx/model-folder.js';
import { loadConfig } from '../../config/load.js';
import { boxPaths, type Paths } from '../../config/paths.js';
import type { CommandIo } from '../../console/io.js';
import { table } from '../../console/terminal.js';
import { badInput, EXIT, RedbuttonError } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import { createRegistry } from '../../learning/registry.js';
import { askTrader } from '../../research/studies/store-access.js';
import { parseOptions } from '../command.js';
import { DEFAULT_CONFIG_FILE } from '../config-option.js';

const OPTIONS = {
  models: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface Shelf {
  readonly root: string;
  /** Of the box; null where the folder was named instead. */
  readonly paths: Paths | null;
  readonly json: boolean;
  readonly name: string | undefined;
}

function shelfOf(args: readonly string[], positionals: readonly string[]): Shelf {
  const parsed = parseOptions('model', args, OPTIONS, positionals);
  const { values } = parsed;
  const paths =
    values.models === undefined ? boxPaths(loadConfig(values.config ?? DEFAULT_CONFIG_FILE)) : null;
  const root = values.models ?? paths!.models;
  return { root, paths, json: values.json, name: parsed.positionals[1] };
}

export async function modelList(args: readonly string[], io: CommandIo): Promise<number> {
  const { root, json } = shelfOf(args, ['list']);
  const { current } = await readPromotions(root);
  const { models, damaged } = await createRegistry(createModelShelf(root)).list();
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
}

export async function modelShow(args: readonly string[], io: CommandIo): Promise<number> {
  const { root, json, name } = shelfOf(args, ['show', 'NAME']);
  const manifest = await wholeModel(root, name!);
  if (json) {
    io.stdout.write(`${JSON.stringify(manifest)}\n`);
    return EXIT.fine;
  }
  const { training, evaluation, calibration, challenge } = manifest;
  const figure = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(4));
  const time = (ms: number | undefined) => (ms === undefined ? '-' : new Date(ms).toISOString().slice(0, 16));
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
}

/** A running trader goes over between two bars; one that is not running, at its next start. */
export async function modelPromote(args: readonly string[], io: CommandIo): Promise<number> {
  const { root, name, paths } = shelfOf(args, ['promote', 'NAME']);
  // A damaged model is refused here already.
  const manifest = await wholeModel(root, name!);
  const byTrader = paths !== null && (await asked(paths, 'promote', { name }));
  if (!byTrader) await promote(root, name!);
  io.stdout.write(`${name} (${manifest.sha256.slice(0, 8)}) decides from ${since(byTrader)} on\n`);
  return EXIT.fine;
}

export async function modelRollback(args: readonly string[], io: CommandIo): Promise<number> {
  const { root, paths } = shelfOf(args, ['rollback']);
  const { before } = await readPromotions(root);
  const last = before.at(-1) ?? null;
  if (last !== null) await wholeModel(root, last);
  const byTrader = paths !== null && (await asked(paths, 'rollback', {}));
  if (!byTrader) await rollback(root);
  io.stdout.write(`${last ?? 'the configured model'} decides from ${since(byTrader)} on\n`);
  return EXIT.fine;
}

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

async function wholeModel(root: string, name: string): Promise<ModelManifest> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw badInput(
      'E_USAGE',
      `model: ${JSON.stringify(name)} is no name of a model`,
      'see redbutton model list',
    );
  }
  return (await readModelFolder(path.join(root, name))).manifest;
}
