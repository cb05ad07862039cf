import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fault, invariant, messageOf, RedbuttonError } from '../../core/errors.js';
import type { ModelDirectory } from '../../ports/model.js';
import { renameDurably, writeDurably } from './durable-file.js';

/**
 * Writes a model's files into a folder, made when absent: the model first, the manifest that names its sha256 last. Where
 * the power fails in between over an older model, loading refuses the pair instead of mixing them.
 */
export async function writeModelFolder(dir: string, model: Uint8Array, manifest: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw fault(
      'E_WRITE',
      `the folder ${dir} cannot be made: ${messageOf(error)}`,
      'check its path and owner',
      error,
    );
  }
  await writeDurably(path.join(dir, 'model.onnx'), model);
  await writeDurably(path.join(dir, 'manifest.json'), manifest);
}

/** The models below a folder, each in a folder of its own. Names that begin with a dot are works in progress. */
export function createModelDirectory(root: string): ModelDirectory {
  const at = (name: string) => {
    invariant(/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name), `${name} is no name of a model folder`);
    return path.join(root, name);
  };
  const hidden = (what: string) => path.join(root, `.${what}-${randomBytes(6).toString('hex')}`);
  return {
    async names() {
      const entries = await readdir(root, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return entries
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map((entry) => entry.name);
    },
    async manifest(name) {
      return readFile(path.join(at(name), 'manifest.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
    },
    async add(name, model, manifest) {
      const target = at(name);
      const part = hidden('part');
      try {
        await writeModelFolder(part, model, manifest);
        await renameDurably(part, target);
      } catch (error) {
        await rm(part, { recursive: true, force: true });
        if (error instanceof RedbuttonError) throw error;
        throw fault(
          'E_WRITE',
          `the model folder ${target} cannot be put in place: ${messageOf(error)}`,
          'see whether a model of that name is already there',
          error,
        );
      }
    },
    async remove(name) {
      // Out of sight in one step: a half-removed model is never seen.
      const gone = hidden('gone');
      await renameDurably(at(name), gone);
      await rm(gone, { recursive: true, force: true });
    },
  };
}
