import type { KeyPermissions } from './dialects/dialect.js';
import type { ConnectedExchange } from './exchange.js';

/**
 * Asks the exchange what the key may do. Where it does not tell, the balance is asked for, which shows that the key is taken and
 * nothing more. Rejects where the key is refused.
 */
export async function keyPermissions({ api, dialect }: ConnectedExchange): Promise<KeyPermissions> {
  if (dialect.keyRights !== null) return dialect.keyRights(api);
  await api.fetchBalance();
  return { trading: null, withdrawals: null, addressBound: null };
}
