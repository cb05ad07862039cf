import { badInput } from '../core/errors.js';
import type { Config, ExchangeConfig } from './schema.js';

/** The one venue of the configuration. Throws `E_ONE_EXCHANGE` or `E_ONE_CURRENCY` where this version can do less than was asked. */
export function onlyVenue(config: Config): ExchangeConfig {
  if (config.exchange.length > 1) {
    throw badInput(
      'E_ONE_EXCHANGE',
      `the configuration names ${config.exchange.length} exchanges, and this version trades on one`,
      'keep one [[exchange]] section',
    );
  }
  const venue = config.exchange[0]!;
  const quotes = new Set(venue.symbols.map((symbol) => quoteCurrencyOf(symbol)));
  if (quotes.size > 1) {
    throw badInput(
      'E_ONE_CURRENCY',
      `the symbols of ${venue.id} are quoted in ${[...quotes].join(' and ')}, and equity is counted in one currency`,
      'name symbols of one quote currency',
    );
  }
  return venue;
}

/** Live trading is earned (paper record, acknowledgement, reconciliation); until that is built it stays on this machine. */
export function refuseEarlyLive(config: Config, venue: ExchangeConfig): void {
  const local = venue.restUrl !== undefined && !venue.sandbox;
  if (config.mode === 'live' && !local) {
    throw badInput(
      'E_LIVE_NOT_RELEASED',
      'mode = "live" is not released in this version',
      'set mode = "paper"; live is taken only against a simulator on this machine',
    );
  }
}

function quoteCurrencyOf(symbol: string): string {
  return symbol.split('/')[1]!.split(':')[0]!;
}
