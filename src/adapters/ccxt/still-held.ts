import { messageOf } from '../../core/errors.js';
import { decimal } from '../../core/money.js';
import { currenciesOf, isDerivative } from '../../core/symbol.js';
import type { CcxtExchange } from './ccxt-module.js';

/**
 * What is held of these symbols, in words: of a derivative its positions, of spot the balance of its base. What the exchange
 * does not tell is said to be unknown: a position that is open must never read as nothing.
 */
export async function stillHeld(api: CcxtExchange, symbols: readonly string[]): Promise<string> {
  const derivatives = symbols.filter(isDerivative);
  const spot = symbols.filter((symbol) => !isDerivative(symbol));
  const words = [
    ...(derivatives.length === 0 ? [] : await positions(api, derivatives).catch(unknown(derivatives))),
    ...(spot.length === 0 ? [] : await balances(api, spot).catch(unknown(spot))),
  ];
  return words.length === 0 ? 'nothing' : words.join(', ');
}

async function positions(api: CcxtExchange, symbols: readonly string[]): Promise<string[]> {
  if (!api.has.fetchPositions) {
    return [`of ${symbols.join(', ')} unknown: ccxt cannot ask ${api.id} for positions`];
  }
  const open = await api.fetchPositions([...symbols]);
  return open.flatMap(({ symbol, side, contracts, contractSize }) => {
    if (contracts === undefined || contracts === null) return [`of ${symbol ?? '?'} unknown`];
    const units = decimal(contracts).times(decimal(contractSize ?? 1));
    return units.eq(0) ? [] : [`${side ?? 'a position of'} ${units.abs().toFixed()} ${symbol ?? '?'}`];
  });
}

async function balances(api: CcxtExchange, symbols: readonly string[]): Promise<string[]> {
  const { total } = (await api.fetchBalance()) as { total?: Readonly<Record<string, string>> };
  return symbols.flatMap((symbol) => {
    const { base } = currenciesOf(symbol);
    return decimal(total?.[base] ?? 0).gt(0) ? [`${total![base]} ${base}`] : [];
  });
}

const unknown = (symbols: readonly string[]) => (error: unknown) => [
  `of ${symbols.join(', ')} unknown: ${messageOf(error)}`,
];
