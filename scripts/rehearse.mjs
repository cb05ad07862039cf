// A release tries itself on a box before it is switched to: `rehearse.mjs CONFIG COPY`. It must take the configuration, load
// its compiled parts and the model, and migrate COPY, a copy of the store (absent on a box that has never run).
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openStore } from '../dist/adapters/duckdb/index.js';
import { readPromotions } from '../dist/adapters/files/promotion-file.js';
import { createFeatureKernel } from '../dist/adapters/native/features.js';
import { loadClassifier } from '../dist/adapters/onnx/classifier.js';
import { loadConfig } from '../dist/config/load.js';
import { pathsOf } from '../dist/config/paths.js';

const [configFile, copy] = process.argv.slice(2);
process.chdir(path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..'));
try {
  const config = loadConfig(configFile);
  createFeatureKernel();
  const { models } = pathsOf(config.device);
  const { current } = await readPromotions(models);
  const classifier = await loadClassifier(current === null ? config.modelDir : path.join(models, current));
  await classifier.close();
  if (existsSync(copy)) {
    const store = await openStore({ path: copy });
    await store.close();
  }
} catch (error) {
  process.stderr.write(`${error.message}${error.remedy ? ` (${error.remedy})` : ''}\n`);
  process.exitCode = 1;
}
