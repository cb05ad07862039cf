import { existsSync } from 'node:fs';
import { QUERY_ROWS_MAX } from '../adapters/control-socket/store-routes.js';
import { openStore } from '../adapters/duckdb/index.js';
import type { Log } from '../adapters/log/log.js';
import { pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { messageOf } from '../core/errors.js';
import type { Quote } from '../core/order.js';
import { closeQuote, slippedQuote } from '../execution/close-quote.js';
import type { Clock } from '../ports/time.js';
import { FILLS_FOR_FIT, type FittedSlippage, fitSlippage } from '../research/backtest/fitted-slippage.js';
import { pagedRows, storedFills } from '../research/report/stored-fills.js';

export interface PaperQuoteParts {
  readonly config: Pick<Config, 'mode' | 'device' | 'exchange' | 'execution'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The quote that a paper order is filled at: the book's, or one made from the close where no book is known. */
export type PaperQuotes = (
  market: { readonly exchange: string; readonly symbol: string },
  close: number,
  book: Quote | undefined,
  priceTick: string,
) => Quote;

/** Paper fills by the configured slippage, or as the box's own live fills had it; the log says which. */
export async function createPaperQuotes({ config, clock, log }: PaperQuoteParts): Promise<PaperQuotes> {
  const { paperSlippage, paperSlippageBps } = config.execution;
  const wanted = config.mode === 'paper' && paperSlippage === 'fitted';
  const fitted = wanted ? await liveSlippage({ config, log }) : new Map<string, FittedSlippage>();
  if (wanted) {
    for (const { id, symbols } of config.exchange) {
      for (const symbol of symbols) {
        const found = fitted.get(`${id}:${symbol}`);
        if (found) log.info({ exchange: id, symbol, ...found }, 'paper slippage is fitted to own live fills');
        else {
          log.info(
            { exchange: id, symbol, paperSlippageBps, fillsNeeded: FILLS_FOR_FIT },
            'paper slippage is the fixed one: too few own live fills',
          );
        }
      }
    }
  }
  return ({ exchange, symbol }, close, book, priceTick) => {
    const own = fitted.get(`${exchange}:${symbol}`);
    if (book !== undefined) return slippedQuote(book, own?.arrivalBps ?? 0, priceTick);
    return closeQuote(close, own?.decisionBps ?? paperSlippageBps, priceTick, clock.wallMs());
  };
}

/** Of the database of the live account, which nobody writes while the box trades on paper. */
async function liveSlippage({
  config,
  log,
}: Pick<PaperQuoteParts, 'config' | 'log'>): Promise<ReadonlyMap<string, FittedSlippage>> {
  const { database } = pathsOf(config.device, 'live');
  if (!existsSync(database)) return new Map();
  try {
    const live = await openStore({ path: database, readOnly: true });
    try {
      const ask = pagedRows((sql, rowsMax) => live.queries.query(sql, rowsMax), QUERY_ROWS_MAX);
      return fitSlippage(await storedFills(ask));
    } finally {
      await live.close();
    }
  } catch (error) {
    // Paper trading needs no live history.
    log.warn({ detail: messageOf(error) }, 'the live fills cannot be read: paper slippage is the fixed one');
    return new Map();
  }
}
