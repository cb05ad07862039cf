import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { fault, messageOf } from '../../core/errors.js';
import { FEATURE_COLUMNS } from '../../core/feature-set.js';

/** How many rows the kernels compute at a time. All paths give the same bits; the fastest is the default. */
export type KernelPath = 'avx2' | 'neon' | 'scalar';

/** The functions of one streams object. A slot is 14 doubles: symbol, close, volume, the 10 columns, valid. */
export interface AddonFeatureStreams {
  /** Pushes the candles of the first `count` slots of `cells` and fills in their rows. */
  push(count: number): void;
  /** Pushes consecutive candles of one symbol; arrays as for `featureBatch`. */
  pushChunk(
    symbol: number,
    close: Float64Array,
    volume: Float64Array,
    values: Float64Array,
    valid: Uint8Array,
  ): void;
  reset(symbol: number): void;
}

/** The addon's features, one to one with native/features/boundary.cc. Every function throws a TypeError on a bad argument. */
export interface FeatureAddon {
  /** Columns of a row. */
  featureWidth(): number;
  /** Paths this machine runs, fastest first. */
  featurePaths(): KernelPath[];
  /** n candles to n rows: `values` holds 10·n doubles, column after column. */
  featureBatch(
    close: Float64Array,
    volume: Float64Array,
    values: Float64Array,
    valid: Uint8Array,
    path?: KernelPath,
  ): void;
  /** `cells` stays in use for as long as any function of the result lives, and must never be transferred. */
  createFeatureStreams(symbols: number, cells: Float64Array, path?: KernelPath): AddonFeatureStreams;
}

/** From src/adapters/native and from dist/adapters/native the addon is three folders up. */
const ADDON_FILE = fileURLToPath(new URL('../../../native/build/Release/redbutton.node', import.meta.url));

/**
 * Loads the native addon; `names` are the functions the caller needs of it.
 * Throws E_NATIVE_MISSING when the file is absent, was built for another machine, or is of another version.
 */
export function loadAddon<T extends object>(names: readonly (keyof T & string)[], file = ADDON_FILE): T {
  let addon: unknown;
  try {
    addon = createRequire(import.meta.url)(file);
  } catch (error) {
    throw missing(file, messageOf(error).split('\n', 1)[0]!, error);
  }
  if (!hasFunctions<T>(addon, names)) throw missing(file, 'it lacks a function of this version');
  return addon;
}

/** Loads the features; an addon of another feature set would write its rows across those of this one. Throws as above. */
export function loadFeatureAddon(file = ADDON_FILE): FeatureAddon {
  const addon = loadAddon<FeatureAddon>(
    ['featureWidth', 'featurePaths', 'featureBatch', 'createFeatureStreams'],
    file,
  );
  const width = addon.featureWidth();
  if (width !== FEATURE_COLUMNS.length)
    throw missing(file, `its rows have ${width} columns, and the feature set ${FEATURE_COLUMNS.length}`);
  return addon;
}

function hasFunctions<T extends object>(addon: unknown, names: readonly (keyof T & string)[]): addon is T {
  return (
    typeof addon === 'object' &&
    addon !== null &&
    names.every((name) => typeof (addon as Record<string, unknown>)[name] === 'function')
  );
}

function missing(file: string, why: string, cause?: unknown): Error {
  return fault('E_NATIVE_MISSING', `the native addon ${file} cannot be used: ${why}`, 'run npm ci', cause);
}
