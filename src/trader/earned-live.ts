import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { QUERY_ROWS_MAX } from '../adapters/control-socket/store-routes.js';
import { type DuckStore, openStore } from '../adapters/duckdb/index.js';
import { readPromotions } from '../adapters/files/promotion-file.js';
import { configuredStreams } from '../config/configured-streams.js';
import type { LiveBlocker } from '../config/live-blockers.js';
import { accountOf, boxPaths, pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { StreamKey } from '../core/candle.js';
import { messageOf, RedbuttonError } from '../core/errors.js';
import type { ModelManifest } from '../core/manifest.js';
import { parseManifest } from '../core/manifest-schema.js';
import { familyOf } from '../core/model-family.js';
import { marketFit, trainedOnOf } from '../core/model-market.js';
import type { RunTrading } from '../pipeline/decision-settings.js';
import type { Clock } from '../ports/time.js';
import { PAPER_DAYS_MIN, paperDays } from '../research/report/paper-record.js';
import { pagedRows } from '../research/report/stored-fills.js';

type LiveConfig = Pick<Config, 'mode' | 'device' | 'exchange' | 'timeframe'>;

export interface EarnedStream {
  readonly exchange: string;
  readonly symbol: string;
  readonly family: string;
  readonly days: number;
}

/**
 * Holds a live start to the record of paper trading: `E_LIVE_NOT_EARNED` for each symbol that has not been traded on paper for
 * {@link PAPER_DAYS_MIN} days by a model of the family of the one in `modelDir`, and for each that this one was not trained on. At exchanges that are refused anyway (`but`)
 * no days are counted. What cannot be counted is not earned.
 */
export async function earnedBlockers(
  config: LiveConfig,
  modelDir: string,
  but: ReadonlySet<string | null>,
  onEarned: (earned: EarnedStream) => void = () => {},
): Promise<readonly LiveBlocker[]> {
  const streams = configuredStreams(config).filter(({ exchange }) => !but.has(exchange));
  if (streams.length === 0) return [];
  try {
    const manifest = path.join(modelDir, 'manifest.json');
    const model = parseManifest(await readFile(manifest, 'utf8'), manifest);
    const family = familyOf(model);
    const [off, on] = [true, false].map((isOff) =>
      streams.filter((stream) => (marketFit(model, stream) === 'off') === isOff),
    ) as [StreamKey[], StreamKey[]];
    const refusals = off.map((stream) => offMarket(stream, model));
    const { database } = pathsOf(config.device, 'paper');
    if (!existsSync(database)) return [...refusals, ...on.map((stream) => notEarned(stream, 0, family))];
    const paper = await openStore({ path: database, readOnly: true });
    try {
      const ask = pagedRows((sql, rowsMax) => paper.queries.query(sql, rowsMax), QUERY_ROWS_MAX);
      for (const stream of on) {
        const days = await paperDays(ask, stream, family);
        if (days < PAPER_DAYS_MIN) refusals.push(notEarned(stream, days, family));
        else onEarned({ exchange: stream.exchange, symbol: stream.symbol, family, days });
      }
      return refusals;
    } finally {
      await paper.close();
    }
  } catch (error) {
    const known = error instanceof RedbuttonError ? error : null;
    return [
      {
        exchange: null,
        code: known?.code ?? 'E_LIVE_NOT_EARNED',
        message: `the days of paper trading cannot be counted: ${messageOf(error)}`,
        remedy: known?.remedy ?? 'stop whatever else uses the database of paper trading, and start again',
      },
    ];
  }
}

/** The same by the model that would decide: the promoted one, where there is one. */
export async function unearnedOf(
  config: LiveConfig & Pick<Config, 'modelDir'>,
  but: ReadonlySet<string | null>,
): Promise<readonly LiveBlocker[]> {
  const { models } = boxPaths(config);
  const { current } = await readPromotions(models);
  return earnedBlockers(config, current === null ? config.modelDir : path.join(models, current), but);
}

/** Takes the candles of the time on paper over into a live account's new store, so that models can be trained. */
export async function takePaperCandles(config: LiveConfig, store: DuckStore, clock: Clock): Promise<void> {
  if (accountOf(config) !== 'live') return;
  const missing: StreamKey[] = [];
  for (const stream of configuredStreams(config))
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

/** What is written down of a start, so that a later one can be held to it. */
export function runTrading(
  { mode, exchange }: Pick<Config, 'mode' | 'exchange'>,
  manifest: ModelManifest,
): RunTrading {
  const redirected = exchange.filter(({ restUrl }) => restUrl !== undefined).map(({ id }) => id);
  return { mode, family: familyOf(manifest), redirected };
}

function notEarned({ exchange, symbol, timeframe }: StreamKey, days: number, family: string): LiveBlocker {
  return {
    exchange,
    code: 'E_LIVE_NOT_EARNED',
    message: `mode = "live" needs ${PAPER_DAYS_MIN} days of paper trading of ${symbol} (${timeframe}) at ${exchange} by the model family ${family}, and the store holds ${days}`,
    remedy:
      'let it run with mode = "paper" until then, or set sandbox = true in each [[exchange]] for a test network',
  };
}

function offMarket({ exchange, symbol, timeframe }: StreamKey, model: ModelManifest): LiveBlocker {
  return {
    exchange,
    code: 'E_LIVE_NOT_EARNED',
    message: `mode = "live" needs a model that was trained on ${symbol} (${timeframe}) at ${exchange}, and the model ${model.sha256.slice(0, 8)} was trained on ${trainedOnOf(model)}: days on paper off its market do not count`,
    remedy: `train one on it (redbutton fetch, redbutton train) and let it run with mode = "paper" for ${PAPER_DAYS_MIN} days`,
  };
}
