import type { ModelManifest } from '../core/manifest.js';
import { manifestText, parseManifest } from '../core/manifest-schema.js';
import type { ModelDirectory } from '../ports/model.js';
import type { TrainedModel } from './train.js';

export interface RegisteredModel {
  /** Name of its folder. Names sort by time of creation. */
  readonly name: string;
  readonly manifest: ModelManifest;
}

export interface Registry {
  /** Whole models, oldest first. A folder without a readable manifest is no model and is named in `damaged`. */
  list(): Promise<{ readonly models: readonly RegisteredModel[]; readonly damaged: readonly string[] }>;
  /**
   * Adds a model and removes the oldest beyond `keep`, never the new one nor those named in `inUse`. Refused challengers are
   * counted apart: they must not push out the models that decided, by which old decisions are verified. Returns its name.
   */
  add(trained: Pick<TrainedModel, 'model' | 'manifest'>, inUse: readonly string[]): Promise<string>;
}

const KEEP = 5;

/** The models of a folder, by time. */
export function createRegistry(directory: ModelDirectory, keep: number = KEEP): Registry {
  const list: Registry['list'] = async () => {
    const models: RegisteredModel[] = [];
    const damaged: string[] = [];
    for (const name of [...(await directory.names())].sort()) {
      const text = await directory.manifest(name);
      try {
        if (text === undefined) damaged.push(name);
        else models.push({ name, manifest: parseManifest(text, `${name}/manifest.json`) });
      } catch {
        // Not silent: the caller gets the name, and loading it says what is wrong.
        damaged.push(name);
      }
    }
    const at = (one: RegisteredModel) => Date.parse(one.manifest.createdAt);
    models.sort((a, b) => at(a) - at(b) || (a.name < b.name ? -1 : 1));
    return { models, damaged };
  };
  return {
    list,
    async add(trained, inUse) {
      const { manifest } = trained;
      const name = `${manifest.createdAt.replace(/[:.]/g, '-')}-${manifest.sha256.slice(0, 8)}`;
      await directory.add(name, trained.model, manifestText(manifest));
      const { models } = await list();
      const kept = new Set([name, ...inUse]);
      for (const refused of [false, true]) {
        const alike = models.filter((one) => (one.manifest.challenge?.promoted === false) === refused);
        for (const old of alike.slice(0, Math.max(0, alike.length - keep))) {
          if (!kept.has(old.name)) await directory.remove(old.name);
        }
      }
      return name;
    },
  };
}
