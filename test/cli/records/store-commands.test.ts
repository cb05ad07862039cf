// @module-tag sockets

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createControlServer } from '../../../src/adapters/control-socket/control-server.js';
import { STORE_BODY_BYTES_MAX, storeRoutes } from '../../../src/adapters/control-socket/store-routes.js';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { command as backup } from '../../../src/cli/records/backup.js';
import { command as exportCommand } from '../../../src/cli/records/export.js';
import { command as query } from '../../../src/cli/records/query.js';
import { command as fetchCommand } from '../../../src/cli/research/fetch.js';
import type { Command } from '../../../src/console/command.js';
import { takeHistory } from '../../../src/pipeline/ingestion/index.js';
import { startWorld, type World, walk } from '../../simulator/world.js';
import { captureIo } from '../../support/command-io.js';
import { watchSyncs } from '../../support/syncs.js';

const STREAM = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
const HISTORY = walk(1700, { skip: [600, 601, 1200] });

let dir: string;
let world: World;
let requests: string[];
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-store-'));
  mkdirSync(path.join(dir, 'state'));
  mkdirSync(path.join(dir, 'run'));
  world = await startWorld({ candles: HISTORY, startIndex: 1690 });
  requests = [];
  world.simulator.interceptor = ({ path: asked }) => {
    if (asked.endsWith('/klines')) requests.push(asked);
    return undefined;
  };
  writeFileSync(
    path.join(dir, 'redbutton.toml'),
    `[device]
stateDir = "${dir}/state"
runDir = "${dir}/run"
[[exchange]]
id = "binance"
symbols = ["BTC/USDT"]
restUrl = "${world.simulator.restUrl}"
wsUrl = "${world.simulator.wsUrl}"
`,
  );
});
afterEach(async () => {
  await world.simulator.stop();
  rmSync(dir, { recursive: true });
});

async function run(command: Command, ...args: string[]) {
  const io = captureIo();
  expect(await command.run([...args, '--config', path.join(dir, 'redbutton.toml')], io)).toBe(0);
  return io.out();
}
const FETCH = ['--symbol', 'BTC/USDT', '--timeframe', '1h', '--since', '2024-01-01', '--until', '2024-03-05'];
const COUNT = 'SELECT count(*)::INTEGER AS n, count(DISTINCT open_ms)::INTEGER AS d FROM candles';

/** The routes of a running trader over a store that is open in this process. */
async function withTrader(work: () => Promise<void>): Promise<void> {
  const handover = path.join(dir, 'state', 'handover');
  const store = await openStore({ path: path.join(dir, 'state', 'redbutton.duckdb'), handoverDir: handover });
  const server = createControlServer(
    path.join(dir, 'run', 'trader.sock'),
    'the trader',
    storeRoutes(store.queries, handover, (stream, rows) =>
      takeHistory(store, stream, rows, { rules: 'strict', nowMs: Date.now() }),
    ),
    STORE_BODY_BYTES_MAX,
  );
  await server.start();
  try {
    await work();
  } finally {
    await server.stop();
    await store.close();
  }
}

/** What the exchange lists before 2024-03-05. */
const LISTED = Array.from(HISTORY.openMs).filter((openMs) => openMs < Date.UTC(2024, 2, 5)).length;

describe.each(['file', 'trader'] as const)('the store of a box, through the %s', (way) => {
  const reached = (work: () => Promise<void>) => (way === 'trader' ? withTrader(work) : work());

  it('is filled by fetch, which continues where it was and adds nothing twice', async () => {
    await reached(async () => {
      expect(await run(fetchCommand, ...FETCH.slice(0, 7), '2024-01-25')).toContain(
        '576 bars added, 0 refused',
      );
      const first = requests.length;
      expect(await run(fetchCommand, ...FETCH)).toContain(
        `${LISTED - 576} bars added, 0 refused, 1 of 4 pages`,
      );
      const second = requests.length - first;
      expect(second).toBe(3);
      expect(await run(fetchCommand, ...FETCH)).toMatch(/^0 bars added/);
      expect(await run(query, COUNT, '--json')).toBe(`{"n":${LISTED},"d":${LISTED}}\n`);
    });
  });

  it('is exported and copied, and the copy answers as the box does', async () => {
    await reached(async () => {
      await run(fetchCommand, ...FETCH);
      const out = path.join(dir, 'parquet');
      expect(await run(exportCommand, '--out', out)).toMatch(new RegExp(`candles +${LISTED}\n`));
      expect(readdirSync(path.join(out, 'candles', 'exchange=binance', 'symbol=BTC%2FUSDT'))).toHaveLength(3);
      const copy = path.join(dir, 'copy.duckdb');
      const synced = await watchSyncs();
      expect(await run(backup, '--out', copy)).toMatch(/copy\.duckdb: \d+ bytes/);
      expect(synced).toEqual(expect.arrayContaining([`${copy}.part`, dir]));
      vi.restoreAllMocks();
      const opened = await openStore({ path: copy, readOnly: true });
      const candles = await opened.candles(STREAM);
      await opened.close();
      expect(candles.length).toBe(LISTED);
      expect(candles.close.slice(0, 100)).toEqual(HISTORY.close.slice(0, 100));
      await expect(run(backup, '--out', copy)).rejects.toMatchObject({ code: 'E_USAGE' });
      await expect(run(query, 'DELETE FROM candles')).rejects.toMatchObject({ code: 'E_QUERY', exitCode: 2 });
      if (way === 'trader') expect(readdirSync(path.join(dir, 'state', 'handover'))).toEqual([]);
    });
  });
});

describe('fetch', () => {
  it('tries an exchange that stumbles again, and then gets everything', async () => {
    let calls = 0;
    world.simulator.interceptor = ({ path: asked }) => {
      if (!asked.endsWith('/klines')) return undefined;
      calls += 1;
      return calls === 2 ? { kind: 'drop' } : undefined;
    };
    expect(await run(fetchCommand, ...FETCH)).toContain(`${LISTED} bars added`);
    expect(calls).toBe(5);
  });
});
