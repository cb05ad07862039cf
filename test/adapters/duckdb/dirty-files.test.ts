import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { missingBars } from '../../../src/core/calendar.js';
import { timeframeMs } from '../../../src/core/timeframe.js';
import { takeHistory } from '../../../src/pipeline/ingestion/index.js';
import { readCandlesCsv } from '../../../src/research/candles/candle-file.js';
import { countReasons } from '../../../src/research/candles/load-candles.js';
import { CANDLES_DIR, hasSharedData } from '../../support/golden.js';

/** Rows and defects as the note beside the files states them: zero volume, bad shape, and gaps between what is left. */
const FILES = [
  { file: 'bittrex_WAX-BTC_1m.csv.gz', timeframe: '1m', rows: 6525 },
  { file: 'freqtrade_UNITTEST-BTC_1m.csv.gz', timeframe: '1m', rows: 13_681 },
  {
    file: 'binance_BTCUSDT_1d_badhigh.csv.gz',
    timeframe: '1d',
    rows: 365,
    refused: { open_or_close_outside_range: 176 },
  },
  {
    file: 'coinbase_BTCUSD_1h_desc.csv.gz',
    timeframe: '1h',
    rows: 20_111,
  },
  {
    file: 'binance_BTCUSDT_1h.csv.gz',
    timeframe: '1h',
    rows: 4314,
    refused: { duplicate: 5 },
  },
] as const;

describe.skipIf(!hasSharedData(CANDLES_DIR, 'loading dirty and gappy candle files'))(
  'a dirty candle file',
  () => {
    it.each(FILES)(
      '$file: each row is a candle or in quarantine, and a second load adds nothing',
      async (given) => {
        const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-dirty-'));
        const stream = { exchange: 'file', symbol: 'A/B', timeframe: given.timeframe };
        const barMs = timeframeMs(given.timeframe);
        try {
          const source = await readCandlesCsv(path.join(CANDLES_DIR, given.file));
          const raws: string[] = [];
          for await (const raw of source.raws(source.columns.openMs.keys())) raws.push(raw);
          const load = async () => {
            const store = await openStore({ path: path.join(dir, 'a.duckdb') });
            const result = await takeHistory(store, stream, source.columns, {
              rules: 'strict',
              nowMs: 1_770_000_000_000,
              rawOf: (i) => raws[i]!,
            });
            const candles = await store.candles(stream);
            const quarantined = await store.quarantined();
            await store.close();
            return { result, candles, quarantined };
          };
          const first = await load();
          expect(first.result.rows).toBe(given.rows);
          expect(first.result.added + first.result.refused).toBe(given.rows);
          expect([first.candles.length, first.quarantined.length]).toEqual([
            first.result.added,
            first.result.refused,
          ]);
          const reasons = Object.fromEntries(countReasons(first.quarantined as never));
          if ('refused' in given) expect(reasons).toEqual(given.refused);

          // Every line of the file is in one of the two places, as often as it stands there.
          const places = new Map<string, number>();
          const put = (key: string, n: number) => places.set(key, (places.get(key) ?? 0) + n);
          for (let i = 0; i < source.columns.length; i++) put(raws[i]!, 1);
          for (const row of first.quarantined) put(row.raw, -1);
          const left = [...places].filter(([, n]) => n !== 0);
          expect(left.reduce((sum, [, n]) => sum + n, 0)).toBe(first.candles.length);
          expect(left.every(([, n]) => n > 0)).toBe(true);
          for (let i = 1; i < first.candles.length; i++)
            expect(first.candles.openMs[i]! > first.candles.openMs[i - 1]!).toBe(true);

          // Nothing is invented: what is missing stays missing.
          const times = first.candles.openMs;
          let gaps = 0;
          for (let i = 1; i < times.length; i++) gaps += missingBars(times[i - 1]!, times[i]!, barMs, '24x7');
          expect(times.length + gaps).toBe((times.at(-1)! - times[0]!) / barMs + 1);

          const second = await load();
          expect(second.result).toEqual({ ...first.result, added: 0 });
          expect(second.candles).toEqual(first.candles);
          expect(second.quarantined).toEqual(first.quarantined);
        } finally {
          rmSync(dir, { recursive: true });
        }
      },
    );
  },
);
