import type { LiveBlockerCode } from '../../core/error-catalogue.js';
import { decimal } from '../../core/money.js';
import type { ConnectedExchange } from './exchange.js';
import { takesImmediateOrCancel } from './order-kinds.js';

/** As `LiveBlocker` of the configuration. */
interface MarketBlocker {
  readonly exchange: string;
  readonly code: LiveBlockerCode;
  readonly message: string;
  readonly remedy: string;
}

/**
 * What an exchange's markets say against trading these symbols with real money; nothing where they could not be loaded, since
 * then the broker is asked as each order is about to leave.
 */
export function marketBlockers(
  connection: ConnectedExchange,
  symbols: readonly string[],
  orderType: 'limit_ioc' | 'market',
): readonly MarketBlocker[] {
  const { id, api } = connection;
  if (api.markets === undefined) return [];
  return symbols.flatMap((symbol) => {
    const market = api.markets?.[symbol];
    if (market === undefined) return [];
    const found: MarketBlocker[] = [];
    const refuse = (code: LiveBlockerCode, message: string, remedy: string) =>
      found.push({ exchange: id, code, message: `${id}: ${message}`, remedy });
    const size = market.contractSize;
    if (market.contract === true && (size === undefined || size === null || !decimal(size).eq(1)))
      refuse(
        'E_LIVE_CONTRACT_SIZE',
        `a contract of ${symbol} is ${size ?? 'an unknown number of'} coins, and amounts are counted in coins`,
        'trade a symbol whose contract is one coin, or spot',
      );
    if (market.inverse === true)
      refuse(
        'E_LIVE_INVERSE',
        `${symbol} is an inverse contract, which is counted in another unit than coins`,
        'trade a symbol that is settled in its quote currency',
      );
    // An order that would rest instead of ending at once is not what was meant.
    if (orderType === 'limit_ioc' && !takesImmediateOrCancel(connection, symbol))
      refuse(
        'E_ORDER_TYPE',
        `ccxt cannot place limit orders for ${symbol} whose remainder is cancelled immediately (IOC)`,
        'trade it at another exchange; docs/exchanges.md lists what is proven',
      );
    return found;
  });
}
