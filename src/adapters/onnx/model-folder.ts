import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { badInput, messageOf } from '../../core/errors.js';
import { FEATURE_SET_VERSION, MODEL_COLUMNS } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import { parseManifest } from '../../core/manifest-schema.js';

export interface ModelFolder {
  readonly manifest: ModelManifest;
  readonly model: Uint8Array;
  readonly modelFile: string;
}

/**
 * Reads a model's two files and checks that they belong together and to this program. Throws, each as bad input:
 * `E_MODEL_MISSING`, `E_MODEL_MANIFEST`, `E_MODEL_FEATURES` (another feature set), `E_MODEL_COLUMNS` (other columns or
 * another order), `E_MODEL_SHA256` (the model file is not the one of the manifest).
 */
export async function readModelFolder(dir: string): Promise<ModelFolder> {
  const manifestFile = path.join(dir, 'manifest.json');
  const modelFile = path.join(dir, 'model.onnx');
  const manifest = parseManifest((await read(manifestFile)).toString('utf8'), manifestFile);
  if (manifest.featureSet !== FEATURE_SET_VERSION) {
    throw badInput(
      'E_MODEL_FEATURES',
      `${manifestFile}: the model was trained on feature set ${manifest.featureSet}, this program computes ${FEATURE_SET_VERSION}`,
      'train a model with this version of redbutton, or name another model folder',
    );
  }
  if (manifest.columns.join() !== MODEL_COLUMNS.join()) {
    throw badInput(
      'E_MODEL_COLUMNS',
      `${manifestFile}: the model's columns are ${manifest.columns.join(', ')}; feature set ${FEATURE_SET_VERSION} gives ${MODEL_COLUMNS.join(', ')}`,
      'train a model with this version of redbutton, or name another model folder',
    );
  }
  const model = await read(modelFile);
  const sha256 = createHash('sha256').update(model).digest('hex');
  if (sha256 !== manifest.sha256) {
    throw badInput(
      'E_MODEL_SHA256',
      `${modelFile} has sha256 ${sha256}, its manifest says ${manifest.sha256}: the file was changed or damaged`,
      'restore the model folder whole, or train again',
    );
  }
  return { manifest, model, modelFile };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw badInput(
      'E_MODEL_MISSING',
      missing ? `${file} does not exist` : `${file} cannot be read: ${messageOf(error)}`,
      'name a folder that holds model.onnx and manifest.json, as redbutton train writes it',
      error,
    );
  }
}
