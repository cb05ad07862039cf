import { expect, it } from 'vitest';
import type { OhlcvRow } from '../../../src/adapters/ccxt/ccxt-module.js';
import type { ConnectedExchange } from '../../../src/adapters/ccxt/exchange.js';
import { watchBars } from '../../../src/adapters/ccxt/live-source.js';

it('hands on a bar that was told again after the next one had begun', async () => {
  const ending = new AbortController();
  const cache: OhlcvRow[] = [];
  // As ccxt's cache: what is told again is written into its row, and of n new rows the last n are given.
  const tell = (row: OhlcvRow) => {
    const at = cache.findIndex(([openMs]) => openMs === row[0]);
    if (at >= 0) cache[at] = row;
    else cache.push(row);
    return cache.slice(-1);
  };
  const messages: OhlcvRow[] = [
    [0, 1, 1, 1, 1, 77],
    [60_000, 1, 1, 1, 1, 1],
    [0, 1, 1, 1, 1, 2],
  ];
  const api = {
    clients: {},
    ohlcvs: { 'BTC/USDT': { '1m': cache } },
    async watchOHLCV() {
      const next = messages.shift();
      if (next === undefined) ending.abort();
      return next === undefined ? [] : tell(next);
    },
  };
  const heard: OhlcvRow[][] = [];
  const onRows = (rows: readonly OhlcvRow[]) => void heard.push(rows.map((row) => [...row] as OhlcvRow));
  await watchBars({ api } as unknown as ConnectedExchange, 'BTC/USDT', '1m', ending.signal, onRows);
  expect(heard.map((rows) => rows.map(([openMs, , , , , volume]) => [openMs, volume]))).toEqual([
    [[0, 77]],
    [
      [0, 77],
      [60_000, 1],
    ],
    [
      [0, 2],
      [60_000, 1],
    ],
  ]);
});
