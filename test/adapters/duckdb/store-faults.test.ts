// @module-tag processes

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { toColumns } from '../../../src/core/candle.js';
import { RedbuttonError } from '../../../src/core/errors.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf, candleOf } from '../../contract/store-rows.js';
import { nodeForOthers } from '../../support/node-for-others.js';
import { compiled } from './compiled.js';

let child: { readonly directory: string; readonly script: string };
let directory: string;
let file: string;
beforeAll(() => {
  child = compiled('test/adapters/duckdb/store-writer.ts');
  chmodSync(child.directory, 0o755);
}, 120_000);
afterAll(() => rmSync(child.directory, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'redbutton-faults-'));
  file = path.join(directory, 'redbutton.duckdb');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const bar = (i: number) => barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'order' });

/** A closed database with ten bars. */
async function fill(): Promise<void> {
  const store = await openStore({ path: file });
  for (let i = 0; i < 10; i++) await store.commitBar(bar(i));
  await store.close();
}

/** The fault, which must be one clear sentence that names the file, and a remedy. */
async function faultOf(work: Promise<unknown>): Promise<RedbuttonError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RedbuttonError)) throw new Error(`expected a fault, got ${String(error)}`);
  expect(error.message).not.toContain('\n');
  expect(error.message).toContain(path.basename(file));
  expect(error.remedy.length).toBeGreaterThan(10);
  return error;
}

describe('opening', () => {
  test('given another process that holds the database, when opened, then the fault names that process', async () => {
    const holder = spawn(process.execPath, [child.script, file, '0', '16', 'hold'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = new Promise((resolve) => holder.once('close', resolve));
    try {
      for await (const line of createInterface({ input: holder.stdout })) if (line === 'open') break;
      const error = await faultOf(openStore({ path: file }));
      expect([error.code, error.exitCode]).toEqual(['E_STORE_LOCKED', 1]);
      expect(error.message).toContain(`process ${holder.pid}`);
      expect((await faultOf(openStore({ path: file, readOnly: true }))).code).toBe('E_STORE_LOCKED');
    } finally {
      holder.kill('SIGKILL');
      await closed;
    }
    await (await openStore({ path: file })).close();
  });

  test('given this process holds it, when opened again by any name, then it is refused until closed', async () => {
    const store = await openStore({ path: file });
    const link = path.join(directory, 'link');
    symlinkSync(directory, link);
    expect((await faultOf(openStore({ path: file }))).code).toBe('E_STORE_LOCKED');
    expect((await faultOf(openStore({ path: path.join(link, 'redbutton.duckdb') }))).code).toBe(
      'E_STORE_LOCKED',
    );
    await store.commitBar(bar(0));
    await store.close();
    await (await openStore({ path: file })).close();
  });

  test('given no such folder, a file for a folder, or a folder for a file, when opened, then E_STORE_PATH', async () => {
    const missing = path.join(directory, 'no', path.basename(file));
    const error = await faultOf(openStore({ path: missing }));
    expect([error.code, error.exitCode]).toEqual(['E_STORE_PATH', 2]);
    writeFileSync(path.join(directory, 'plain'), '');
    expect(
      (await faultOf(openStore({ path: path.join(directory, 'plain', path.basename(file)) }))).code,
    ).toBe('E_STORE_PATH');
    mkdirSync(file);
    expect((await faultOf(openStore({ path: file }))).code).toBe('E_STORE_PATH');
  });

  test('given nothing there, when opened for reading, then E_STORE_PATH and nothing is made', async () => {
    expect((await faultOf(openStore({ path: file, readOnly: true }))).code).toBe('E_STORE_PATH');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('given a folder one may not write to, when opened, then E_STORE_PATH', () => {
    chmodSync(directory, 0o555);
    const nobody = 65_534;
    const asRoot = process.getuid?.() === 0;
    if (asRoot) chownSync(directory, 0, 0);
    const run = spawnSync(nodeForOthers(), [child.script, file, '0', '16'], {
      encoding: 'utf8',
      ...(asRoot ? { uid: nobody, gid: nobody } : {}),
    });
    chmodSync(directory, 0o755);
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/E_STORE_PATH/);
  });

  test('given a schema of a later version, when opened, then E_STORE_NEWER in both ways of opening', async () => {
    await fill();
    const instance = await DuckDBInstance.create(file);
    const connection = await instance.connect();
    await connection.run(`INSERT INTO schema_migrations VALUES (999, '0999-later.sql', 0)`);
    connection.closeSync();
    instance.closeSync();
    for (const readOnly of [false, true]) {
      const error = await faultOf(openStore({ path: file, readOnly, onDamaged: 'put-aside' }));
      expect([error.code, error.exitCode]).toEqual(['E_STORE_NEWER', 2]);
      expect(error.message).toContain('999');
    }
    expect(readdirSync(directory)).toEqual(['redbutton.duckdb']);
  });

  test('given a creation that was cut off, when opened, then the database is made again', async () => {
    writeFileSync(`${file}.new`, 'half');
    writeFileSync(`${file}.new.wal`, 'half');
    await fill();
    expect(readdirSync(directory)).toEqual(['redbutton.duckdb']);
  });

  test('given a platform without the binding, when opened, then E_DUCKDB_BINDING', () => {
    const script = `Object.defineProperty(process, 'arch', { value: 'mips' });
      const { openStore } = await import(${JSON.stringify(path.join(child.directory, 'src/adapters/duckdb/index.js'))});
      await openStore({ path: ${JSON.stringify(file)} }).catch((e) => console.log(e.code, e.exitCode, e.message));`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(run.stdout).toMatch(/^E_DUCKDB_BINDING 1 DuckDB's binding for linux-mips could not be loaded/);
  });

  test('given a database closed without a checkpoint, when opened for reading, then all is there and nothing changes', async () => {
    const store = await openStore({ path: file });
    await store.commitBar(bar(0));
    mkdirSync(path.join(directory, 'copy'));
    const copy = path.join(directory, 'copy', path.basename(file));
    copyFileSync(file, copy);
    copyFileSync(`${file}.wal`, `${copy}.wal`);
    await store.close();
    const bytes = readFileSync(copy);
    const reader = await openStore({ path: copy, readOnly: true });
    expect(await reader.decisions()).toEqual([bar(0)]);
    expect((await faultOf(reader.commitBar(bar(1)))).code).toBe('E_STORE_READ_ONLY');
    await reader.close();
    expect(readFileSync(copy).equals(bytes)).toBe(true);
  });
});

describe('damage', () => {
  const harms: readonly (readonly [string, () => void])[] = [
    ['truncated to half', () => truncateSync(file, statSync(file).size >> 1)],
    ['truncated inside its head', () => truncateSync(file, 5000)],
    ['emptied', () => truncateSync(file, 0)],
    ['filled with noise', () => writeFileSync(file, noise(300_000))],
    ['a text file', () => writeFileSync(file, 'not a database\n'.repeat(1000))],
    ['with both heads garbled', () => writeFileSync(file, readFileSync(file).fill(0xab, 4096, 12_288))],
  ];
  const noise = (bytes: number) => {
    const rng = seededRng(99).next;
    return Buffer.from(Array.from({ length: bytes }, () => Math.floor(rng() * 256)));
  };

  test.each(harms)(
    'given a database %s, when opened, then it is refused and not touched',
    async (_, harm) => {
      await fill();
      harm();
      const bytes = readFileSync(file);
      const error = await faultOf(openStore({ path: file }));
      expect([error.code, error.exitCode]).toEqual(['E_STORE_DAMAGED', 2]);
      expect(readFileSync(file).equals(bytes)).toBe(true);
    },
  );

  test.each(harms)(
    'given a database %s, when it may be moved aside, then it is kept and a new one begins',
    async (_, harm) => {
      await fill();
      harm();
      const bytes = readFileSync(file);
      writeFileSync(`${file}.damaged-1`, 'an earlier one');
      const store = await openStore({ path: file, onDamaged: 'put-aside' });
      expect(store.recovery).toEqual({ kind: 'put_aside', keptAs: `${file}.damaged-2` });
      expect(readFileSync(`${file}.damaged-2`).equals(bytes)).toBe(true);
      expect(readFileSync(`${file}.damaged-1`, 'utf8')).toBe('an earlier one');
      expect(await store.decisions()).toEqual([]);
      await store.commitBar(bar(0));
      await store.close();
      const again = await openStore({ path: file, onDamaged: 'put-aside' });
      expect(again.recovery).toBeNull();
      expect(await again.decisions()).toEqual([bar(0)]);
      await again.close();
    },
  );

  test('given a garbled block of rows, when they are read, then the fault says damage, not fewer rows', async () => {
    const store = await openStore({ path: file });
    const rng = seededRng(5).next;
    await store.addCandles(BTC, toColumns(Array.from({ length: 150_000 }, (_, i) => candleOf(i, rng))), 0);
    await store.close();
    writeFileSync(file, readFileSync(file).fill(0xab, 12_288 + 4 * 262_144, 12_288 + 4 * 262_144 + 4096));
    const harmed = await openStore({ path: file });
    expect((await faultOf(harmed.candles(BTC))).code).toBe('E_STORE_DAMAGED');
    await harmed.close();
  });

  test('given a sound database, when it may be moved aside, then it stays', async () => {
    await fill();
    const store = await openStore({ path: file, onDamaged: 'put-aside' });
    expect(store.recovery).toBeNull();
    expect(await store.decisions()).toHaveLength(10);
    await store.close();
    expect(existsSync(`${file}.damaged-1`)).toBe(false);
  });
});

describe('a disk that takes no more', () => {
  test('given a limit on the size of files, when it is reached, then the fault says so and what was told is kept', async () => {
    // The limit stands in for a full disk: the write fails in the same place (EFBIG for ENOSPC). 4096 blocks of 512 bytes.
    const run = spawnSync(
      'sh',
      ['-c', `trap '' XFSZ; ulimit -f 4096; exec "$0" "$@"`, process.execPath, child.script, file, '0', '16'],
      {
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/code: 'E_STORE_FULL'/);
    const told = [...run.stdout.matchAll(/^bar (\d+)$/gm)].length;
    expect(told).toBeGreaterThan(10);
    const store = await openStore({ path: file });
    const stored = await store.decisions();
    expect(stored.length - told).toBeGreaterThanOrEqual(0);
    expect(stored.length - told).toBeLessThanOrEqual(1);
    await store.commitBar(bar(stored.length));
    await store.close();
  }, 90_000);
});
