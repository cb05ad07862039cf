import type { Log } from '../adapters/log/log.js';
import type { Alerts } from '../core/alert.js';
import type { ErrorCode } from '../core/error-catalogue.js';
import type { LayerHealth } from '../core/health.js';
import type { MarketEvents } from '../execution/market-book.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { TradedExchange } from './open-exchanges.js';

export interface MarketMonitorParts {
  readonly alerts: Alerts;
  readonly log: Log;
}

export interface MarketMonitorStart {
  readonly exchanges: readonly TradedExchange[];
  readonly portfolio: Pick<Portfolio, 'book'>;
  /** Records the settings of the run again: decisions are recomputed by the rules that they were made by. */
  readonly recordRun: () => Promise<void>;
}

/** Looks after what the exchanges' markets do while the box runs: tells it, writes it down, and has the rules read again. */
export interface MarketMonitor {
  readonly events: MarketEvents;
  /** Tells of symbols that are not listed, above all where something is held in them, and begins to read the rules again. */
  start(parts: MarketMonitorStart): Promise<void>;
  stop(): Promise<void>;
  /** Of markets that are closed or not listed alone. */
  health(): readonly LayerHealth[];
}

export function createMarketMonitor({ alerts, log }: MarketMonitorParts): MarketMonitor {
  const ending = new AbortController();
  let exchanges: readonly TradedExchange[] = [];
  let running: Promise<unknown> = Promise.resolve();
  let unread = '';
  /** Until the start has recorded the run, rules are those that it records. */
  let recordRun: () => Promise<void> = async () => undefined;

  function keep(work: Promise<void>): void {
    work.catch((error: unknown) => log.error({ err: error }, 'an alert or a change of rules was lost'));
  }

  return {
    events: {
      onRules(exchange, rules, before) {
        log.warn({ exchange, rules, before }, 'the exchange has changed the rules of a market');
        keep(recordRun());
      },
      onClosed: (exchange, symbol, detail) =>
        keep(alerts.raise('MARKET_CLOSED', { exchange, symbol, detail })),
      onOpen: (exchange, symbol, afterMs) => keep(alerts.raise('MARKET_OPEN', { exchange, symbol, afterMs })),
      onUnread(exchange, detail) {
        if (detail !== unread)
          log.warn({ exchange, detail }, 'the rules of the markets could not be read again');
        unread = detail;
      },
    },
    async start(parts) {
      const { portfolio } = parts;
      exchanges = parts.exchanges;
      recordRun = parts.recordRun;
      for (const { id: exchange, missing } of exchanges) {
        for (const symbol of missing) {
          const { units } = portfolio.book(exchange, symbol);
          if (units.eq(0)) await alerts.raise('SYMBOL_NOT_LISTED', { exchange, symbol });
          else {
            const held = units.toFixed();
            await alerts.raise('SYMBOL_NOT_LISTED_HELD', { exchange, symbol, held });
          }
        }
      }
      running = Promise.all(exchanges.map(({ market }) => market.run(ending.signal)));
    },
    async stop() {
      ending.abort();
      await running;
    },
    health: () =>
      exchanges.flatMap(({ id, market, missing }) => [
        ...[...market.closed()].map(([symbol, why]) => fault(id, symbol, 'E_MARKET_CLOSED', why)),
        ...missing.map((symbol) => fault(id, symbol, 'E_SYMBOL_UNKNOWN', 'not listed, so not traded')),
      ]),
  };
}

function fault(exchange: string, symbol: string, errorCode: ErrorCode, detail: string): LayerHealth {
  return { layer: `market ${exchange}:${symbol}`, state: 'fault', lastSuccessMs: null, errorCode, detail };
}
