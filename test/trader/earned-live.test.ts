// @module-tag long

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { pathsOf } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import { manifestText } from '../../src/core/manifest-schema.js';
import { earnedBlockers } from '../../src/trader/earned-live.js';
import {
  MANIFEST,
  manifestOf,
  type PaperLife,
  type TrainedOn,
  tradedOnPaper,
} from '../support/paper-life.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-earned-'));
  for (const name of ['state', 'model']) mkdirSync(path.join(dir, name));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const config = (symbols = ['BTC/USDT']) =>
  configSchema.parse({
    device: { name: 'box', stateDir: path.join(dir, 'state'), runDir: dir },
    exchange: [{ id: 'binance', symbols }],
  });

/** What is refused of BTC/USDT, after that life on paper, to the shipped model as trained on `market`. */
async function refusedOf(market: TrainedOn, life: PaperLife): Promise<string | undefined> {
  writeFileSync(path.join(dir, 'model/manifest.json'), manifestText(manifestOf(market)));
  await tradedOnPaper(pathsOf(config().device).database, life);
  const refusals = await earnedBlockers(config(), path.join(dir, 'model'), new Set());
  return refusals[0]?.message;
}

describe('live trading', { timeout: 120_000 }, () => {
  it.each([
    ['symbol', { symbol: 'SPX/USD' }],
    ['exchange', { exchange: 'kraken' }],
    ['time frame', { timeframe: '1d' }],
    ['time frame, and no symbol', { symbol: null, timeframe: '1d' }],
  ])('is not earned by days of a model that was trained on another %s', async (_, trainedOn) => {
    expect(await refusedOf({}, { days: 40, trainedOn })).toContain('and the store holds 0');
  });

  it('is not earned by days that were lived before the manifest was written again', async () => {
    await refusedOf({}, { days: 40, trainedOn: { symbol: 'SPX/USD' } });
    const store = await openStore({ path: pathsOf(config().device).database });
    const manifest = manifestText(manifestOf({}));
    await store.recordModel({ modelHash: MANIFEST.sha256, event: 'loaded', manifest, atMs: 2 });
    await store.close();
    const [refusal] = await earnedBlockers(config(), path.join(dir, 'model'), new Set());
    expect(refusal?.message).toContain('and the store holds 0');
  });

  it('is refused to a model off its market, whatever days another of its family has', async () => {
    expect(await refusedOf({ symbol: 'SPX/USD', timeframe: '1d' }, { days: 40 })).toBe(
      `mode = "live" needs a model that was trained on BTC/USDT (1h) at binance, and the model ${MANIFEST.sha256.slice(0, 8)} was trained on SPX/USD (1d) at binance: days on paper off its market do not count`,
    );
  });

  it.each([
    ['on its market', {}],
    ['whose manifest names no market', { exchange: null, symbol: null, timeframe: null }],
    ['of several streams of the box', { symbol: 'ETH/USDT,BTC/USDT' }],
  ])('is earned by thirty days of a model %s, for that symbol alone', async (_, market) => {
    expect(await refusedOf(market, { days: 30, trainedOn: market })).toBeUndefined();
    const both = config(['BTC/USDT', 'ETH/USDT']);
    const others = await earnedBlockers(both, path.join(dir, 'model'), new Set());
    expect(others).toHaveLength(1);
    expect(others[0]!.message).toContain('ETH/USDT (1h)');
  });
});
