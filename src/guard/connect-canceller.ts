import {
  type CcxtEmergencyCanceller,
  createEmergencyCanceller,
  createExchange,
} from '../adapters/ccxt/index.js';
import { exchangeCredentials } from '../config/credentials.js';
import type { Config } from '../config/schema.js';
import { badInput, invariant } from '../core/errors.js';
import type { Clock } from '../ports.js';

/**
 * The guard's own way to the exchange, with a key of its own (`guard-<exchange>-api-key`), which needs no right to
 * trade beyond cancelling. Without one a live guard does not start (`E_CREDENTIAL`): a halt that could cancel nothing
 * would only look like one.
 */
export async function connectCanceller(
  config: Pick<Config, 'device' | 'exchange' | 'guard'>,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  exchangeClock: Clock,
  onNotLoaded: (detail: string) => void,
): Promise<CcxtEmergencyCanceller> {
  const [venue] = config.exchange;
  invariant(venue !== undefined, 'a live guard has an exchange');
  const found = exchangeCredentials(`guard-${venue.id}`, env);
  if (found === undefined) {
    throw badInput(
      'E_CREDENTIAL',
      `the guard has no key for ${venue.id}, so it could not cancel orders itself`,
      `provide the credentials guard-${venue.id}-api-key and guard-${venue.id}-api-secret`,
    );
  }
  const exchange = await createExchange(venue, exchangeClock, {
    apiKey: found.apiKey.reveal(),
    secret: found.secret.reveal(),
  });
  return createEmergencyCanceller({
    exchange,
    symbols: venue.symbols,
    prefix: `rb-${config.device.name}-`,
    scope: config.guard.haltScope,
    clock,
    onNotLoaded,
  });
}
