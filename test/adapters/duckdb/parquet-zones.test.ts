// @module-tag processes

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../../support/compiled.js';

const PARQUET = 'src/adapters/duckdb/read/parquet-candles.ts';
const CSV = 'src/research/candles/load-candles.ts';
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
/** Hours around the changes of the clock in America and Europe. */
const FROM_MS = Date.UTC(2024, 2, 10);
const HOURS = 24 * 25;

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-zones-'));
let compiled: Compiled;

beforeAll(async () => {
  compiled = compile([PARQUET, CSV]);
  const instance = await DuckDBInstance.create(':memory:');
  const duck = await instance.connect();
  for (const [name, type] of [
    ['with', 'TIMESTAMPTZ'],
    ['without', 'TIMESTAMP'],
  ]) {
    await duck.run(
      `COPY (SELECT make_timestamp_ms(${FROM_MS} + i * 3600000) AT TIME ZONE 'UTC' AS instant, ${type === 'TIMESTAMP' ? `make_timestamp_ms(${FROM_MS} + i * 3600000)` : 'instant'} AS "timestamp",
         1.0 AS open, 1.0 AS high, 1.0 AS low, 1.0 AS close, 1.0 AS volume FROM range(${HOURS}) t(i))
       TO '${path.join(dir, `${name}.parquet`)}' (FORMAT parquet)`,
    );
  }
  duck.closeSync();
  instance.closeSync();
  const rows = Array.from(
    { length: HOURS },
    (_, i) => `${new Date(FROM_MS + i * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')},1,1,1,1,1`,
  );
  writeFileSync(path.join(dir, 'dates.csv'), `date,open,high,low,close,volume\n${rows.join('\n')}\n`);
}, 120_000);
afterAll(() => {
  rmSync(dir, { recursive: true });
  compiled.remove();
});

/** Open times of a file as a process in that zone reads them. */
function timesIn(zone: string, name: string): number[] {
  const file = JSON.stringify(path.join(dir, name));
  const module = (source: string) => JSON.stringify(pathToFileURL(compiled.file(source)).href);
  const script = name.endsWith('.csv')
    ? `const { loadCandles } = await import(${module(CSV)});
       console.log(JSON.stringify([...(await loadCandles(${file}, { rules: 'strict' })).candles.openMs]));`
    : `const { openParquetCandles } = await import(${module(PARQUET)});
       const source = await openParquetCandles(${file});
       const read = await source.read(source.streams[0], 0, 8e15);
       console.log(JSON.stringify([...read.openMs]));
       source.close();`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, TZ: zone },
  });
  return JSON.parse(out) as number[];
}

describe('times of a candle file', () => {
  const wanted = Array.from({ length: HOURS }, (_, i) => FROM_MS + i * 3_600_000);

  it.each(ZONES)('are the same instants on a machine in %s', (zone) => {
    for (const name of ['with.parquet', 'without.parquet', 'dates.csv'])
      expect(timesIn(zone, name), name).toEqual(wanted);
  });
});
