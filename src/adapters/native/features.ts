import type { Candle, CandleColumns } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { FEATURE_COLUMNS } from '../../core/feature-set.js';
import type { FeatureColumnsOut, FeatureKernel, FeatureStreamPort } from '../../ports/model.js';
import type { FeatureAddon, KernelPath } from './addon.js';
import { loadFeatureAddon } from './addon.js';

const WIDTH = FEATURE_COLUMNS.length;
/** Doubles a slot of the memory shared with the addon: symbol, close, volume, the row, valid. */
const SLOT = 3 + WIDTH + 1;
/** The addon's own limit. */
const SYMBOLS_MAX = 65_536;

/** The feature kernel with what only this adapter offers. Rows are bit-identical whichever entrance computes them. */
export interface NativeFeatureKernel extends FeatureKernel {
  readonly path: KernelPath;
  /** Like `batch`, into memory of the caller's: `out.length` must be the number of candles. Allocates nothing. */
  batchInto(candles: CandleColumns, out: FeatureColumnsOut): void;
  stream(): NativeFeatureStream;
  /** Windows for several symbols, numbered from 0. */
  streams(symbols: number): FeatureStreams;
}

/** One symbol's window. */
export type NativeFeatureStream = FeatureStreamPort;

/** One symbol's next candle, and the row that `pushMany` fills in. */
export interface SymbolCandle {
  readonly symbol: number;
  readonly candle: Candle;
}

/** Several symbols' windows, advanced in one call. */
export interface FeatureStreams {
  readonly symbols: number;
  /**
   * Takes candles of any of the symbols, in order, and writes row i to out[10·i …] and valid[i]. A symbol may occur
   * several times. Throws E_FEATURE_INPUT when a symbol is not one of these streams or an array is too short.
   */
  pushMany(candles: readonly SymbolCandle[], out: Float64Array, valid: Uint8Array): void;
  reset(symbol: number): void;
}

/**
 * The native feature kernel (feature set v1). `path` forces a way of computing; the fastest is the default.
 * Throws E_NATIVE_MISSING without the addon and E_FEATURE_INPUT for a path this machine does not run.
 */
export function createFeatureKernel(options: { readonly path?: KernelPath } = {}): NativeFeatureKernel {
  const addon = loadFeatureAddon();
  const paths = addon.featurePaths();
  const path = options.path ?? paths[0]!;
  if (!paths.includes(path)) {
    throw badInput(
      'E_FEATURE_INPUT',
      `feature path ${path} does not run here`,
      `choose one of ${paths.join(', ')}`,
    );
  }
  const batchInto = (candles: CandleColumns, out: FeatureColumnsOut): void => {
    if (out.length !== candles.length) {
      throw badInput(
        'E_FEATURE_INPUT',
        `${candles.length} candles do not fit into ${out.length} rows`,
        'make as many rows as candles',
      );
    }
    addon.featureBatch(column(candles, 'close'), column(candles, 'volume'), out.values, out.valid, path);
  };
  return {
    path,
    batchInto,
    batch(candles) {
      const out = allocateRows(candles.length);
      batchInto(candles, out);
      return out;
    },
    stream: () => createStream(addon, path),
    streams: (symbols) => createStreams(addon, path, symbols),
  };
}

/** Memory for `length` rows, to be filled by `batchInto`. */
export function allocateRows(length: number): FeatureColumnsOut {
  return { length, values: new Float64Array(length * WIDTH), valid: new Uint8Array(length) };
}

/** The part of this memory that holds `length` rows. */
function firstRows({ values, valid }: FeatureColumnsOut, length: number): FeatureColumnsOut {
  if (valid.length === length && values.length === length * WIDTH) return { length, values, valid };
  checkRoom(Math.min(values.length, valid.length * WIDTH), length);
  return { length, values: values.subarray(0, length * WIDTH), valid: valid.subarray(0, length) };
}

/** The column's first `candles.length` elements; the arrays may be longer than that. */
function column(candles: CandleColumns, name: 'close' | 'volume'): Float64Array {
  const values = candles[name];
  if (values.length === candles.length) return values;
  if (values.length < candles.length) {
    throw badInput(
      'E_FEATURE_INPUT',
      `column ${name} has ${values.length} of ${candles.length} values`,
      'give every column one value a candle',
    );
  }
  return values.subarray(0, candles.length);
}

function createStream(addon: FeatureAddon, path: KernelPath): NativeFeatureStream {
  const cells = new Float64Array(SLOT);
  const native = addon.createFeatureStreams(1, cells, path);
  return {
    push(candle, out) {
      checkRoom(out.length, 1);
      cells[1] = candle.close;
      cells[2] = candle.volume;
      native.push(1);
      copyRow(cells, 0, out, 0);
      return cells[SLOT - 1] === 1;
    },
    pushChunk(candles, into) {
      const out = into === undefined ? allocateRows(candles.length) : firstRows(into, candles.length);
      native.pushChunk(0, column(candles, 'close'), column(candles, 'volume'), out.values, out.valid);
      return out;
    },
    reset: () => native.reset(0),
  };
}

function createStreams(addon: FeatureAddon, path: KernelPath, symbols: number): FeatureStreams {
  if (!(Number.isInteger(symbols) && symbols >= 1 && symbols <= SYMBOLS_MAX)) {
    throw badInput('E_FEATURE_INPUT', `${symbols} is no number of symbols`, `give 1 to ${SYMBOLS_MAX}`);
  }
  const cells = new Float64Array(SLOT * symbols);
  const native = addon.createFeatureStreams(symbols, cells, path);
  const checkSymbol = (symbol: number): void => {
    if (!(Number.isInteger(symbol) && symbol >= 0 && symbol < symbols)) {
      throw badInput('E_FEATURE_INPUT', `there is no stream ${symbol}`, `name one of 0 to ${symbols - 1}`);
    }
  };
  return {
    symbols,
    pushMany(candles, out, valid) {
      checkRoom(Math.min(out.length, WIDTH * valid.length), candles.length);
      // All are checked before any is pushed: a mistake must not leave some windows ahead of the others.
      for (const { symbol } of candles) checkSymbol(symbol);
      for (let first = 0; first < candles.length; first += symbols) {
        const count = Math.min(symbols, candles.length - first);
        for (let slot = 0; slot < count; slot++) {
          const { symbol, candle } = candles[first + slot]!;
          cells[slot * SLOT] = symbol;
          cells[slot * SLOT + 1] = candle.close;
          cells[slot * SLOT + 2] = candle.volume;
        }
        native.push(count);
        for (let slot = 0; slot < count; slot++) {
          copyRow(cells, slot, out, first + slot);
          valid[first + slot] = cells[slot * SLOT + SLOT - 1]!;
        }
      }
    },
    reset(symbol) {
      checkSymbol(symbol);
      native.reset(symbol);
    },
  };
}

function checkRoom(cells: number, rows: number): void {
  if (cells < WIDTH * rows) {
    throw badInput(
      'E_FEATURE_INPUT',
      `no room for the rows of ${rows} candles`,
      'give 10 values and 1 valid byte a candle',
    );
  }
}

function copyRow(cells: Float64Array, slot: number, out: Float64Array, row: number): void {
  const from = slot * SLOT + 3;
  const to = row * WIDTH;
  for (let i = 0; i < WIDTH; i++) out[to + i] = cells[from + i]!;
}
