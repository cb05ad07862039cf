import type { HistoryIntake } from '../adapters/control-socket/store-routes.js';
import { candleAt, type StreamKey, streamName } from '../core/candle.js';
import { takeHistory } from '../pipeline/ingestion/index.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';

/**
 * Takes candles that are loaded beside the running trader. Those of a stream that it follows go through its pipeline, so that
 * the windows of the next decision hold what the store says was known by then; bars that are still to come are left to
 * the feed.
 */
export function candleIntake(parts: {
  readonly store: Pick<Store, 'addCandles' | 'quarantine' | 'lastCandles'>;
  readonly pipeline: Pick<Pipeline, 'fillGap'>;
  readonly streams: readonly StreamKey[];
  readonly rules: Parameters<typeof takeHistory>[3]['rules'];
  readonly clock: Clock;
}): HistoryIntake {
  const { store, pipeline, rules, clock } = parts;
  const followed = new Set(parts.streams.map(streamName));
  return (stream, rows) =>
    takeHistory(
      {
        quarantine: (refused) => store.quarantine(refused),
        async addCandles(key, kept, atMs) {
          if (!followed.has(streamName(key))) return store.addCandles(key, kept, atMs);
          const [newest] = await store.lastCandles(key, 1);
          const past = Array.from({ length: kept.length }, (_, i) => candleAt(kept, i)).filter(
            ({ openMs }) => newest === undefined || openMs < newest.openMs,
          );
          return pipeline.fillGap(key, past);
        },
      },
      stream,
      rows,
      { rules, nowMs: clock.wallMs() },
    );
}
