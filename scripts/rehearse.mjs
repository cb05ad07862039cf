// A release tries itself on a box before it is switched to. It must take the configuration, load its compiled parts and the
// model, and migrate COPY, a copy of the store (absent on a box that has never run).
// Usage: node scripts/rehearse.mjs CONFIG COPY
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [configFile, copy] = process.argv.slice(2);
if (configFile === undefined || configFile.startsWith('-')) {
  // It stands alone on a box, without the scripts beside it.
  const help = configFile === '--help' || configFile === '-h';
  const head = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\nimport ')[0];
  if (help) process.stdout.write(`${head.replaceAll(/^\/\/ ?/gm, '')}\n`);
  else process.stderr.write('rehearse: give CONFIG and COPY; see --help\n');
  process.exit(help ? 0 : 2);
}
const { openStore } = await import('../dist/adapters/duckdb/index.js');
const { readPromotions } = await import('../dist/adapters/files/promotion-file.js');
const { createFeatureKernel } = await import('../dist/adapters/native/features.js');
const { loadClassifier } = await import('../dist/adapters/onnx/classifier.js');
const { loadConfig } = await import('../dist/config/load.js');
const { pathsOf } = await import('../dist/config/paths.js');
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
