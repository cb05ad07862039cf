import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CandleColumns } from '../../src/core/candle.js';
import { FEATURE_COLUMNS } from '../../src/core/feature-set.js';

/** The article's own output, beside the project where it is there. */
export const SHARED_GOLDEN = fileURLToPath(new URL('../../../shared/data/golden', import.meta.url));
/** The sets that the project carries with it. */
export const OWN_GOLDEN = fileURLToPath(new URL('../vectors/features', import.meta.url));

export interface GoldenSet {
  readonly name: string;
  readonly candles: CandleColumns;
  /** Open times of the rows that the article's code kept. */
  readonly keptMs: readonly number[];
  /** The kept rows in exact arithmetic, rounded once; FEATURE_COLUMNS in order. */
  readonly exact: readonly (readonly number[])[];
}

export function hasSet(folder: string, name: string): boolean {
  return existsSync(path.join(folder, `${name}.validated.csv`));
}

export function readSet(folder: string, name: string): GoldenSet {
  const table = readTable(path.join(folder, `${name}.validated.csv`));
  const of = (column: string) => Float64Array.from(table.rows, (row) => row[table.names.indexOf(column)]!);
  const exact = readTable(path.join(folder, `${name}.features_exact.csv`));
  const kept = path.join(folder, `${name}.features.csv`);
  return {
    name,
    candles: {
      length: table.rows.length,
      openMs: of('timestamp_ms'),
      open: of('open'),
      high: of('high'),
      low: of('low'),
      close: of('close'),
      volume: of('volume'),
    },
    keptMs: (existsSync(kept) ? readTable(kept) : exact).rows.map((row) => row[0]!),
    exact: exact.rows.map((row) => FEATURE_COLUMNS.map((name) => row[exact.names.indexOf(name)]!)),
  };
}

function readTable(file: string): { names: string[]; rows: number[][] } {
  const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return {
    names: head!.split(','),
    rows: lines.map((line) => line.split(',').map((cell) => (cell === 'nan' ? Number.NaN : Number(cell)))),
  };
}
