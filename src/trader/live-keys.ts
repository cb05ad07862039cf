import { keyPermissions } from '../adapters/ccxt/index.js';
import type { Log } from '../adapters/log/log.js';
import { exchangeCredentials } from '../config/credentials.js';
import type { LiveBlocker } from '../config/live-blockers.js';
import { accountOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { badInput, messageOf, RedbuttonError } from '../core/errors.js';
import { stricter } from '../core/trading-state.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { TradedExchange } from './open-exchanges.js';

export interface LiveKeysParts {
  readonly config: Pick<Config, 'mode' | 'exchange'>;
  readonly exchanges: readonly TradedExchange[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Takes what speaks against trading real money with a key. */
  refuse(refusals: readonly LiveBlocker[]): void;
}

/** What the keys of a live box may do. While an exchange has not said it, the box is at most REDUCING. */
export interface LiveKeys {
  /** Asks the exchanges that have not answered yet; a key that may withdraw stays unanswered for. */
  ask(): Promise<void>;
  limit(states: TradingStateSource): TradingStateSource;
}

/**
 * Asks each exchange what the key may do, and refuses: `E_KEY_WITHDRAWS` for one that may withdraw, `E_KEY_TRADE` for one that may
 * not trade, `E_KEY_MISSING` where there is none. An exchange that is away is asked again later; one that does not tell is warned of.
 */
export async function checkLiveKeys({
  config,
  exchanges,
  env,
  log,
  refuse,
}: LiveKeysParts): Promise<LiveKeys> {
  const open = new Map(
    accountOf(config) === 'live' ? exchanges.map((exchange) => [exchange.id, exchange]) : [],
  );

  async function askOne(exchange: TradedExchange): Promise<void> {
    const may = await keyPermissions(exchange.connection);
    if (may.withdrawals === true)
      throw badInput(
        'E_KEY_WITHDRAWS',
        `the API key of ${exchange.id} may withdraw money, and no such key is used`,
        'take that right from the key at the exchange, and start again',
      );
    if (may.trading === false)
      throw badInput(
        'E_KEY_TRADE',
        `the API key of ${exchange.id} may not trade`,
        'give it the right to trade at the exchange, or set mode = "paper"',
      );
    if (may.withdrawals === null)
      log.warn({ exchange: exchange.id }, 'the exchange does not reveal whether the key may withdraw');
    open.delete(exchange.id);
  }

  for (const exchange of open.values()) {
    if (exchangeCredentials(exchange.id, env, exchange.connection.dialect.credentials) === undefined) {
      const message = `mode = "live" needs an API key for ${exchange.id}, and there is none`;
      const remedy = 'see redbutton run --help for where secrets come from';
      refuse([{ exchange: exchange.id, code: 'E_KEY_MISSING', message, remedy }]);
      continue;
    }
    await askOne(exchange).catch((error: unknown) => {
      if (isRefusal(error)) {
        const { code, message, remedy } = error;
        refuse([{ exchange: exchange.id, code, message, remedy }]);
        return;
      }
      log.warn(
        { exchange: exchange.id, detail: messageOf(error) },
        'what the key may do is not known yet: only reducing',
      );
    });
  }
  return {
    async ask() {
      for (const exchange of open.values())
        await askOne(exchange).catch((error: unknown) =>
          log.error({ exchange: exchange.id, detail: messageOf(error) }, 'what the key may do is not known'),
        );
    },
    limit: (states) => ({
      state: () => (open.size === 0 ? states.state() : stricter(states.state(), 'REDUCING')),
    }),
  };
}

const isRefusal = (error: unknown): error is RedbuttonError =>
  error instanceof RedbuttonError && error.code.startsWith('E_KEY_');
