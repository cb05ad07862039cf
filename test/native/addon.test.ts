import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FeatureAddon } from '../../src/adapters/native/addon.js';
import { loadAddon, loadFeatureAddon } from '../../src/adapters/native/addon.js';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { toColumns } from '../../src/core/candle.js';
import { kernelPaths } from './kernel-paths.js';

const NAMES = ['featureBatch'] as const;

describe('a native addon that cannot be used is refused with its remedy', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'redbutton-addon-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const missing = expect.objectContaining({ code: 'E_NATIVE_MISSING', remedy: 'run npm ci' });

  it('when the file is absent', () => {
    expect(() => loadAddon<FeatureAddon>(NAMES, path.join(folder, 'none.node'))).toThrowError(missing);
  });

  it('when it is no addon', () => {
    const file = path.join(folder, 'text.node');
    writeFileSync(file, 'not a library');
    expect(() => loadAddon<FeatureAddon>(NAMES, file)).toThrowError(missing);
  });

  it('when it is of another version', () => {
    const file = path.join(folder, 'other.cjs');
    writeFileSync(file, 'module.exports = { featureBatch: 1 };');
    expect(() => loadAddon<FeatureAddon>(NAMES, file)).toThrowError(missing);
  });

  it('when its rows have another width', () => {
    const file = path.join(folder, 'wider.cjs');
    writeFileSync(
      file,
      'module.exports = { featureWidth: () => 11, featurePaths() {}, featureBatch() {}, createFeatureStreams() {} };',
    );
    expect(() => loadFeatureAddon(file)).toThrowError(missing);
    expect(() => loadFeatureAddon(file)).toThrowError(/11 columns, and the feature set 10/);
    expect(loadFeatureAddon().featureWidth()).toBe(10);
  });
});

describe("the features' boundary refuses what does not fit, and writes nothing", () => {
  const addon = loadAddon<FeatureAddon>(['featureBatch', 'createFeatureStreams']);
  const doubles = (n: number) => new Float64Array(n);
  const bytes = (n: number) => new Uint8Array(n);
  // What JavaScript without types could pass.
  const batch = addon.featureBatch as (...args: unknown[]) => void;
  const streams = addon.createFeatureStreams as (...args: unknown[]) => unknown;

  it.each([
    ['no arguments', []],
    ['a plain array', [[1], doubles(1), doubles(10), bytes(1)]],
    ['single precision', [new Float32Array(1), doubles(1), doubles(10), bytes(1)]],
    ['a short volume', [doubles(2), doubles(1), doubles(20), bytes(2)]],
    ['too little room', [doubles(2), doubles(2), doubles(19), bytes(2)]],
    ['too few valid bytes', [doubles(2), doubles(2), doubles(20), bytes(1)]],
    ['signed valid bytes', [doubles(2), doubles(2), doubles(20), new Int8Array(2)]],
    ['an unknown path', [doubles(2), doubles(2), doubles(20), bytes(2), 'sse9']],
  ])('batch: %s', (_, args) => {
    expect(() => batch(...args)).toThrowError(TypeError);
  });

  it('batch: output over its own input', () => {
    const memory = doubles(20);
    expect(() => batch(memory.subarray(0, 2), doubles(2), memory, bytes(2))).toThrowError(/share memory/);
    expect(memory.every((x) => x === 0)).toBe(true);
  });

  it('batch: a detached input', () => {
    const close = doubles(2);
    structuredClone(close.buffer, { transfer: [close.buffer] });
    expect(() => batch(close, doubles(2), doubles(20), bytes(2))).toThrowError(TypeError);
  });

  it.each([
    ['no arguments', []],
    ['no symbol', [0, doubles(14)]],
    ['a fraction', [1.5, doubles(14)]],
    ['too many symbols', [70_000, doubles(14)]],
    ['half a slot', [1, doubles(20)]],
    ['bytes for slots', [1, bytes(14)]],
  ])('streams: %s', (_, args) => {
    expect(() => streams(...args)).toThrowError(TypeError);
  });

  it('streams: a slot that names no stream, more candles than slots', () => {
    const cells = doubles(14);
    const made = addon.createFeatureStreams(1, cells);
    for (const symbol of [1, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      cells[0] = symbol;
      expect(() => made.push(1)).toThrowError(TypeError);
    }
    cells[0] = 0;
    expect(() => made.push(2)).toThrowError(TypeError);
    expect(() => made.push('x' as unknown as number)).toThrowError(TypeError);
    expect(() => made.reset(1)).toThrowError(TypeError);
  });

  it('the adapter names what is wrong', () => {
    const kernel = createFeatureKernel();
    const candle = { openMs: 0, open: 1, high: 1, low: 1, close: 1, volume: 1 };
    const wrong = expect.objectContaining({ code: 'E_FEATURE_INPUT' });
    expect(() => kernel.stream().push(candle, doubles(9))).toThrowError(wrong);
    expect(() => kernel.batch({ ...toColumns([candle]), length: 2 })).toThrowError(wrong);
    expect(() => kernel.streams(0)).toThrowError(wrong);
    const other = kernelPaths().includes('neon') ? 'avx2' : 'neon';
    expect(() => createFeatureKernel({ path: other })).toThrowError(wrong);
  });

  it('uses only the first `length` candles of longer columns', () => {
    const candle = { openMs: 0, open: 1, high: 1, low: 1, close: 1, volume: 1 };
    const rows = createFeatureKernel().batch({ ...toColumns([candle, candle]), length: 1 });
    expect([rows.length, rows.values.length, rows.valid.length]).toEqual([1, 10, 1]);
  });

  it('takes an empty series', () => {
    expect(createFeatureKernel().batch(toColumns([]))).toMatchObject({ length: 0 });
  });
});
