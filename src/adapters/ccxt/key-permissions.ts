import type { ConnectedExchange } from './exchange.js';

/** What a key may do; null where the exchange does not tell. */
export interface KeyPermissions {
  readonly trading: boolean | null;
  readonly withdrawals: boolean | null;
  /** Whether the key works from named addresses alone. */
  readonly addressBound: boolean | null;
}

interface BinanceRestrictions {
  readonly enableSpotAndMarginTrading?: boolean;
  readonly enableWithdrawals?: boolean;
  readonly ipRestrict?: boolean;
}

/**
 * Asks the exchange what the key may do (Binance: GET /sapi/v1/account/apiRestrictions). Elsewhere the balance is asked
 * for, which shows that the key is taken and nothing more. Rejects where the key is refused.
 */
export async function keyPermissions({ api }: ConnectedExchange): Promise<KeyPermissions> {
  const { sapiGetAccountApiRestrictions: ask } = api as unknown as {
    sapiGetAccountApiRestrictions?: () => Promise<BinanceRestrictions>;
  };
  if (typeof ask !== 'function') {
    await api.fetchBalance();
    return { trading: null, withdrawals: null, addressBound: null };
  }
  const found = await ask.call(api);
  return {
    trading: found.enableSpotAndMarginTrading ?? null,
    withdrawals: found.enableWithdrawals ?? null,
    addressBound: found.ipRestrict ?? null,
  };
}
