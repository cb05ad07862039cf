import { existsSync } from 'node:fs';
import { QUERY_ROWS_MAX } from '../adapters/control-socket/store-routes.js';
import { type DuckStore, openStore } from '../adapters/duckdb/index.js';
import type { Log } from '../adapters/log/log.js';
import { accountOf, pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { StreamKey } from '../core/candle.js';
import { badInput } from '../core/errors.js';
import type { ModelManifest } from '../core/manifest.js';
import { familyOf } from '../core/model-family.js';
import type { RunTrading } from '../pipeline/run-settings.js';
import type { Clock } from '../ports.js';
import { PAPER_DAYS_MIN, paperDays } from '../research/paper-record.js';
import { pagedRows } from '../research/stored-fills.js';

export interface EarnedLiveParts {
  readonly config: Pick<Config, 'mode' | 'device' | 'exchange' | 'timeframe'>;
  readonly manifest: ModelManifest;
  readonly log: Log;
}

/**
 * Holds a live start to the record of paper trading: throws `E_LIVE_NOT_EARNED` where a symbol has not been traded on paper for
 * {@link PAPER_DAYS_MIN} days by a model of this family.
 */
export async function requireEarnedLive(parts: EarnedLiveParts): Promise<void> {
  const { config, manifest, log } = parts;
  const account = accountOf(config);
  if (account === 'paper') return;
  if (account === 'testnet') {
    log.warn('test network: its money is not real, so no record of paper trading is asked for');
    return;
  }
  const family = familyOf(manifest);
  const streams = streamsOf(config);
  const { database } = pathsOf(config.device, 'paper');
  if (!existsSync(database)) throw notEarned(streams[0]!, 0, family);
  const paper = await openStore({ path: database, readOnly: true });
  try {
    const ask = pagedRows((sql, rowsMax) => paper.desk.query(sql, rowsMax), QUERY_ROWS_MAX);
    for (const stream of streams) {
      const days = await paperDays(ask, stream, family);
      if (days < PAPER_DAYS_MIN) throw notEarned(stream, days, family);
      log.info({ exchange: stream.exchange, symbol: stream.symbol, family, days }, 'live is earned on paper');
    }
  } finally {
    await paper.close();
  }
}

/** Takes the candles of the time on paper over into a live account's new store, so that models can be trained. */
export async function takePaperCandles(parts: {
  readonly config: EarnedLiveParts['config'];
  readonly store: DuckStore;
  readonly clock: Clock;
}): Promise<void> {
  const { config, store, clock } = parts;
  if (accountOf(config) !== 'live') return;
  const missing: StreamKey[] = [];
  for (const stream of streamsOf(config))
    if ((await store.lastCandles(stream, 1)).length === 0) missing.push(stream);
  const { database } = pathsOf(config.device, 'paper');
  if (missing.length === 0 || !existsSync(database)) return;
  const paper = await openStore({ path: database, readOnly: true });
  try {
    for (const stream of missing) await store.addCandles(stream, await paper.candles(stream), clock.wallMs());
  } finally {
    await paper.close();
  }
}

const streamsOf = (config: EarnedLiveParts['config']) =>
  config.exchange.flatMap(({ id, symbols }) =>
    symbols.map((symbol): StreamKey => ({ exchange: id, symbol, timeframe: config.timeframe })),
  );

/** What is written down of a start, so that a later one can be held to it. */
export function runTrading(
  { mode, exchange }: Pick<Config, 'mode' | 'exchange'>,
  manifest: ModelManifest,
): RunTrading {
  const redirected = exchange.filter(({ restUrl }) => restUrl !== undefined).map(({ id }) => id);
  return { mode, family: familyOf(manifest), redirected };
}

function notEarned({ exchange, symbol, timeframe }: StreamKey, days: number, family: string) {
  return badInput(
    'E_LIVE_NOT_EARNED',
    `mode = "live" needs ${PAPER_DAYS_MIN} days of paper trading of ${symbol} (${timeframe}) at ${exchange} by the model family ${family}, and the store holds ${days}`,
    'let it run with mode = "paper" until then, or set sandbox = true in each [[exchange]] for a test network',
  );
}
