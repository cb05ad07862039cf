import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifest } from '../../core/manifest-schema.js';
import type { Classifier } from '../../ports/model.js';
import { loadClassifier } from './classifier.js';

/** Finds models by the hash that predictions name. */
export interface ModelFinder {
  /** Loads the model; undefined where none of the folders holds it. The same object each time. */
  find(sha256: string): Promise<Classifier | undefined>;
  close(): Promise<void>;
}

/** Looks into folders that are models and folders of models, in their order. Folders that are not there hold none. */
export function createModelFinder(dirs: readonly string[]): ModelFinder {
  const loaded = new Map<string, Classifier>();
  let places: Promise<ReadonlyMap<string, string>> | undefined;

  async function scan(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const dir of dirs) {
      const inner = await readdir(dir, { withFileTypes: true }).catch(() => []);
      const below = inner.filter((entry) => entry.isDirectory()).map((entry) => path.join(dir, entry.name));
      for (const folder of [dir, ...below]) {
        const hash = await hashOf(folder);
        if (hash !== undefined && !found.has(hash)) found.set(hash, folder);
      }
    }
    return found;
  }

  return {
    async find(sha256) {
      const known = loaded.get(sha256);
      if (known) return known;
      places ??= scan();
      const folder = (await places).get(sha256);
      if (folder === undefined) return undefined;
      const classifier = await loadClassifier(folder);
      loaded.set(sha256, classifier);
      return classifier;
    },
    async close() {
      for (const classifier of loaded.values()) await classifier.close();
      loaded.clear();
    },
  };
}

/** The hash that a folder's manifest names; undefined where it holds no model. Loading checks that the file fits it. */
async function hashOf(folder: string): Promise<string | undefined> {
  const file = path.join(folder, 'manifest.json');
  try {
    return parseManifest(await readFile(file, 'utf8'), file).sha256;
  } catch {
    return undefined;
  }
}
