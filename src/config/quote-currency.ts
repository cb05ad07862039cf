import { badInput } from '../core/errors.js';
import { currenciesOf } from '../core/symbol.js';
import type { Config } from './schema.js';

/** Throws `E_ONE_CURRENCY` where the symbols are quoted in several currencies: equity is counted in one. */
export function oneQuoteCurrency(config: Pick<Config, 'exchange'>): void {
  const symbols = config.exchange.flatMap((exchange) => exchange.symbols);
  const quotes = new Set(symbols.map((symbol) => currenciesOf(symbol).quote));
  if (quotes.size <= 1) return;
  throw badInput(
    'E_ONE_CURRENCY',
    `the symbols are quoted in ${[...quotes].join(' and ')}, and equity is counted in one currency`,
    'name symbols of one quote currency, on all exchanges',
  );
}
