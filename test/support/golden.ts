import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** The article's own results; absent on machines that have only this repository. */
export const GOLDEN_DIR = path.resolve(root, '../shared/data/golden');
export const CANDLES_DIR = path.resolve(root, '../shared/data/candles');
export const VECTORS_DIR = path.join(root, 'test/vectors/golden');

/** True where the shared data is there; else says on the terminal what is skipped. */
export function hasSharedData(dir: string, what: string): boolean {
  if (existsSync(dir)) return true;
  process.stderr.write(`SKIPPED: ${what}: ${path.relative(root, dir)} is absent\n`);
  return false;
}

/** Results for the sets in {@link VECTORS_DIR}: `SET.validated.csv`, `SET.features_exact.csv`. */
export const RESULTS_DIR = path.join(root, 'test/vectors/features');
