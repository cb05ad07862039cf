import { existsSync } from 'node:fs';
import {
  type ConnectedExchange,
  checkedAddresses,
  createExchange,
  marketRefusals,
} from '../adapters/ccxt/index.js';
import type { DuckStore } from '../adapters/duckdb/index.js';
import type { Log } from '../adapters/log/log.js';
import { exchangeCredentials } from '../config/credentials.js';
import { type LiveRefusal, liveRefusals, sandboxWarnings } from '../config/live-refusals.js';
import { accountOf, boxPaths } from '../config/paths.js';
import type { Config, ExchangeConfig } from '../config/schema.js';
import type { AlertRaiser } from '../core/alert.js';
import { badInput, messageOf, type RedbuttonError } from '../core/errors.js';
import { isOrderOf } from '../core/order-owner.js';
import type { RestoredState, RunRecord } from '../core/records.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import { parseRunSettings } from '../pipeline/decision-settings.js';
import { createPortfolio } from '../portfolio/portfolio.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import { earnedRefusals, takePaperCandles } from './earned-live.js';
import { checkLiveKeys, type LiveKeys } from './live-keys.js';
import type { Venue } from './open-exchanges.js';

export interface LiveStartParts {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The one place where every reason to refuse live trading ends. Where nothing is held and nothing of ours rests, the box does
 * not start, and says all of them. Where something does, it starts: an exchange that is refused is at most REDUCING, so that
 * stops are kept and positions closed. A test network is only warned of the same.
 */
export interface LiveStart {
  /** Before anything is opened: counts the days on paper, and decides where there is no store yet. */
  begin(modelDir: string): Promise<void>;
  /** Decides by what the store of the account knows to be held, or open; a new one gets the candles of the time on paper. */
  opened(store: DuckStore): Promise<{ restored: RestoredState; runs: readonly RunRecord[] }>;
  /** Decides by what the markets say, and the keys. */
  connected(venues: readonly Venue[]): Promise<LiveKeys>;
  limit(exchange: string, state: TradingState): TradingState;
  /** The same of the whole box: REDUCING once no exchange may do more. */
  limitAll(states: TradingStateSource): TradingStateSource;
  tell(alerts: AlertRaiser): Promise<void>;
}

/** An exchange that does not answer must not hold up a start that is refused. */
const ASK_MS_MAX = 8_000;

/** Throws `E_EXCHANGE_ADDRESS` where an address cannot be trusted; all else that the configuration says is collected. */
export function createLiveStart({ config, env, clock, log }: LiveStartParts): LiveStart {
  const account = accountOf(config);
  for (const entry of config.exchange) checkedAddresses(entry);
  const refusals: LiveRefusal[] = [];
  /** Why the box starts in spite of them, in words. */
  const held: string[] = [];
  const unasked: string[] = [];
  let asked = false;

  const add = (more: readonly LiveRefusal[]) => {
    if (account === 'paper') return;
    for (const { exchange, code, message, remedy } of more) {
      if (account === 'testnet')
        log.warn({ exchange, code, remedy }, `real money would be refused: ${message}`);
      else log.error({ exchange, code, remedy }, `live trading is refused: ${message}`);
    }
    if (account === 'live') refusals.push(...more);
  };
  add([...liveRefusals(config), ...sandboxWarnings(config)]);
  if (account === 'testnet')
    log.warn('test network: its money is not real, so no record of paper trading is asked for');

  const isRefused = (exchange: string) =>
    refusals.some((refusal) => refusal.exchange === null || refusal.exchange === exchange);
  const limit = (exchange: string, state: TradingState) =>
    isRefused(exchange) ? stricter(state, 'REDUCING') : state;

  async function askForOrders(entry: ExchangeConfig): Promise<void> {
    try {
      const key = exchangeCredentials(entry.id, env);
      if (key === undefined) return;
      const connection = await createExchange(entry, clock, {
        apiKey: key.apiKey.reveal(),
        secret: key.secret.reveal(),
      });
      const ids = await oursOpen(connection, entry.symbols, config.device.name);
      if (ids.length > 0) held.push(`${ids.join(', ')} rest at ${entry.id}`);
    } catch (error) {
      unasked.push(`${entry.id} could not be asked for open orders: ${messageOf(error)}`);
    }
  }

  /** Throws all reasons at once where nothing is held, nor rests at the exchanges. */
  async function decide(): Promise<void> {
    if (refusals.length === 0 || held.length > 0) return;
    if (!asked) await Promise.all(config.exchange.map(askForOrders));
    asked = true;
    if (held.length === 0) throw refusedStart(refusals, unasked);
  }

  return {
    limit,
    async begin(modelDir) {
      if (account !== 'live') return;
      const but = new Set(refusals.map(({ exchange }) => exchange));
      add(
        await earnedRefusals(config, modelDir, but, (earned) => log.info(earned, 'live is earned on paper')),
      );
      const { database, journal } = boxPaths(config);
      if (![database, journal].some((file) => existsSync(file))) await decide();
    },
    async opened(store) {
      const [restored, runs] = [await store.restore(), await store.runs()];
      if (account === 'live') {
        held.push(...heldIn(restored, runs));
        await decide();
        await takePaperCandles(config, store, clock);
      }
      return { restored, runs };
    },
    async connected(venues) {
      for (const { id, connection, config: entry } of account === 'paper' ? [] : venues) {
        const said = new Set(refusals.filter(({ exchange }) => exchange === id).map(({ code }) => code));
        const more = marketRefusals(connection, entry.symbols, config.execution.orderType);
        add(more.filter(({ code }) => !said.has(code)));
      }
      const keys = await checkLiveKeys({ config, venues, env, log, refuse: add });
      await decide();
      return keys;
    },
    limitAll: (states) => ({
      state: () =>
        config.exchange.every(({ id }) => isRefused(id))
          ? stricter(states.state(), 'REDUCING')
          : states.state(),
    }),
    async tell(alerts) {
      const everywhere = config.exchange.map(({ id }) => id).join(', ');
      for (const { exchange, message } of refusals)
        await alerts.raise('LIVE_REFUSED', {
          exchange: exchange ?? everywhere,
          reason: message,
          held: held.join('; '),
        });
    },
  };
}

async function oursOpen(
  { api }: ConnectedExchange,
  symbols: readonly string[],
  device: string,
): Promise<readonly string[]> {
  Object.assign(api, { timeout: ASK_MS_MAX });
  const lists = await Promise.all(symbols.map((symbol) => api.fetchOpenOrders(symbol)));
  return lists
    .flat()
    .flatMap(({ clientOrderId }) => (isOrderOf(device, clientOrderId) ? [clientOrderId!] : []));
}

/** Positions by the fills, less than a step counting as none, and orders that have not ended. */
function heldIn({ fills, openOrders }: RestoredState, runs: readonly RunRecord[]): readonly string[] {
  const last = runs.at(-1);
  const known = last === undefined ? [] : parseRunSettings(last.settings).streams;
  const portfolio = createPortfolio({
    startCash: '0',
    amountStepOf: (exchange, symbol) =>
      known.find(({ key }) => key.exchange === exchange && key.symbol === symbol)?.rules.amountStep,
  });
  for (const fill of fills) portfolio.apply(fill);
  return [
    ...portfolio
      .books()
      .filter(({ units }) => !units.eq(0))
      .map(({ exchange, symbol, units }) => `${units.toFixed()} of ${exchange}:${symbol} is held`),
    ...openOrders.map(({ order }) => `${order.clientOrderId} at ${order.exchange} has not ended`),
  ];
}

/** One reason as it is; several in one, each on a line with its code and its remedy. */
function refusedStart(refusals: readonly LiveRefusal[], unasked: readonly string[]): RedbuttonError {
  const note = unasked.length === 0 ? '' : `\n  (${unasked.join('; ')})`;
  const [first] = refusals;
  if (refusals.length === 1) return badInput(first!.code, `${first!.message}${note}`, first!.remedy);
  const lines = refusals.map(({ code, message, remedy }) => `\n  ${code}: ${message} → ${remedy}`);
  return badInput(
    'E_LIVE_REFUSED',
    `live trading is refused for ${refusals.length} reasons:${lines.join('')}${note}`,
    'see to each of them, or set mode = "paper"',
  );
}
