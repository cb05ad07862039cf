import {
  CcxtEmergencyCanceller,
  type Credentials,
  createExchange,
  dialectOf,
} from '../adapters/ccxt/index.js';
import { exchangeCredentials, revealed } from '../config/credentials.js';
import type { Config, ExchangeConfig } from '../config/schema.js';
import { badInput } from '../core/errors.js';
import { type CancelOutcome, joinOutcomes } from '../core/guard-link.js';
import type { Clock } from '../ports/time.js';

/** One canceller, or the cancellers of all exchanges as one. */
/** What the guard does through its connections. */
export type Canceller = Pick<CcxtEmergencyCanceller, 'preload' | 'cancelAll' | 'lookAgain'>;

/**
 * The guard's own way to the exchanges, with a key of its own for each (`guard-<exchange>-api-key`), which needs no right
 * to trade beyond cancelling. Without one a live guard does not start (`E_CREDENTIAL`): a halt that could cancel nothing
 * would only look like one. All exchanges are asked at the same time: one that is away does not hold up the others.
 */
export async function connectCanceller(
  config: Pick<Config, 'device' | 'exchange' | 'guard'>,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  exchangeClock: Clock,
  onNotLoaded: (detail: string) => void,
  onKeyRisk: (detail: string) => void = () => {},
): Promise<Canceller> {
  const cancellers = await Promise.all(
    config.exchange.map(
      async (exchange) =>
        new CcxtEmergencyCanceller({
          exchange: await createExchange(exchange, exchangeClock, keyOf(exchange, env), {
            device: config.device.name,
            onGarbled: (place, detail) => onNotLoaded(`${exchange.id}: the answer of ${place} ${detail}`),
          }),
          symbols: exchange.symbols,
          device: config.device.name,
          scope: config.guard.haltScope,
          clock,
          onNotLoaded: (detail) => onNotLoaded(`${exchange.id}: ${detail}`),
          onKeyRisk: (detail) => onKeyRisk(`${exchange.id}: ${detail}`),
        }),
    ),
  );
  const joined = async (ask: (each: Canceller) => Promise<CancelOutcome>) => {
    const results = await Promise.allSettled(cancellers.map(ask));
    return joinOutcomes(results.map((result, i) => ({ exchange: config.exchange[i]!.id, result })));
  };
  return {
    async preload(signal) {
      await Promise.all(cancellers.map((each) => each.preload(signal)));
    },
    cancelAll: (order, signal) => joined((each) => each.cancelAll(order, signal)),
    lookAgain: (order, signal) => joined((each) => each.lookAgain(order, signal)),
  };
}

function keyOf({ id }: ExchangeConfig, env: Readonly<Record<string, string | undefined>>): Credentials {
  const names = dialectOf(id).credentials;
  const found = exchangeCredentials(`guard-${id}`, env, names);
  if (found === undefined) {
    throw badInput(
      'E_CREDENTIAL',
      `the guard has no key for ${id}, so it could not cancel orders itself`,
      `provide the credentials ${names.map(({ name }) => `guard-${id}-${name}`).join(' and ')}`,
    );
  }
  return revealed(found);
}
