import type { DuckDBValue } from '@duckdb/node-api';
import type { StreamKey } from '../../../core/candle.js';
import { invariant } from '../../../core/errors.js';
import { fromMoneyUnits } from '../../store-rules/decimal38.js';
import type { Row } from '../open/session.js';

/** Readers of single values of a row. A value of another type than asked for breaks an invariant: the schema is ours. */

export function numberOf(row: Row, name: string): number {
  const value = row[name];
  if (typeof value === 'number') return value;
  invariant(typeof value === 'bigint', `column ${name} is no number`);
  return Number(value);
}

export function numberOrNull(row: Row, name: string): number | null {
  return row[name] === null ? null : numberOf(row, name);
}

export function textOf(row: Row, name: string): string {
  const value = row[name];
  invariant(typeof value === 'string', `column ${name} is no text`);
  return value;
}

export function textOrNull(row: Row, name: string): string | null {
  return row[name] === null ? null : textOf(row, name);
}

export function booleanOf(row: Row, name: string): boolean {
  const value = row[name];
  invariant(typeof value === 'boolean', `column ${name} is no boolean`);
  return value;
}

export function booleanOrNull(row: Row, name: string): boolean | null {
  return row[name] === null ? null : booleanOf(row, name);
}

/** Plain decimal text of a DECIMAL(38, 18). */
export function moneyOf(row: Row, name: string): string {
  const value = row[name] as DuckDBValue;
  invariant(
    typeof value === 'object' && value !== null && 'value' in value && typeof value.value === 'bigint',
    `column ${name} is no decimal`,
  );
  return fromMoneyUnits(value.value);
}

export function moneyOrNull(row: Row, name: string): string | null {
  return row[name] === null ? null : moneyOf(row, name);
}

export function doublesOrNull(row: Row, name: string): Float64Array | null {
  const value = row[name] as DuckDBValue;
  if (value === null) return null;
  invariant(typeof value === 'object' && 'items' in value, `column ${name} is no array`);
  return Float64Array.from(value.items as readonly number[]);
}

export function streamOf(row: Row): StreamKey {
  return {
    exchange: textOf(row, 'exchange'),
    symbol: textOf(row, 'symbol'),
    timeframe: textOf(row, 'timeframe'),
  };
}

/** One of a fixed set of words. */
export function wordOf<W extends string>(row: Row, name: string): W {
  return textOf(row, name) as W;
}
