import { existsSync } from 'node:fs';
import {
  type ConnectedExchange,
  checkedAddresses,
  createExchange,
  dialectOf,
  marketBlockers,
} from '../adapters/ccxt/index.js';
import type { DuckStore } from '../adapters/duckdb/index.js';
import type { Log } from '../adapters/log/log.js';
import { exchangeCredentials, revealed } from '../config/credentials.js';
import { type LiveBlocker, liveBlockers, sandboxWarnings } from '../config/live-blockers.js';
import { accountOf, boxPaths } from '../config/paths.js';
import type { Config, ExchangeConfig } from '../config/schema.js';
import type { Alerts } from '../core/alert.js';
import { badInput, EXIT, messageOf, RedbuttonError } from '../core/errors.js';
import { isOrderOf } from '../core/order-owner.js';
import type { RestoredState, RunRecord } from '../core/records.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import { parseRunSettings } from '../pipeline/decision-settings.js';
import { Portfolio } from '../portfolio/portfolio.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import { earnedBlockers, takePaperCandles } from './earned-live.js';
import { checkLiveKeys, type LiveKeys } from './live-keys.js';
import type { TradedExchange } from './open-exchanges.js';

export interface LiveStartParts {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** An exchange that does not answer must not hold up a start that is refused. */
const ASK_MS_MAX = 8_000;

/**
 * The one place where every reason to refuse live trading ends. Where nothing is held and nothing of ours rests, the box does
 * not start, and says all of them. Where something does, it starts: an exchange that is refused is at most REDUCING, so that
 * stops are kept and positions closed. A test network is only warned of the same.
 */
/** Throws `E_EXCHANGE_ADDRESS` where an address cannot be trusted; all else that the configuration says is collected. */
export class LiveStart {
  readonly #options: LiveStartParts;
  readonly #account;
  readonly #refusals: LiveBlocker[] = [];
  /** Why the box starts in spite of them, in words. */
  readonly #held: string[] = [];
  readonly #unasked: string[] = [];
  #asked = false;

  constructor(options: LiveStartParts) {
    this.#options = options;
    this.#account = accountOf(options.config);
    for (const entry of options.config.exchange) checkedAddresses(entry);
    this.#add([...liveBlockers(options.config), ...sandboxWarnings(options.config)]);
    if (this.#account === 'testnet')
      options.log.warn('test network: its money is not real, so no record of paper trading is asked for');
  }

  limit(exchange: string, state: TradingState) {
    return this.#isRefused(exchange) ? stricter(state, 'REDUCING') : state;
  }

  /** Before anything is opened: counts the days on paper, and decides where there is no store yet. */
  async begin(modelDir: string): Promise<void> {
    if (this.#account !== 'live') return;
    const but = new Set(this.#refusals.map(({ exchange }) => exchange));
    this.#add(
      await earnedBlockers(this.#options.config, modelDir, but, (earned) =>
        this.#options.log.info(earned, 'live is earned on paper'),
      ),
    );
    const { database, journal } = boxPaths(this.#options.config);
    if (![database, journal].some((file) => existsSync(file))) await this.#decide();
  }

  /** Decides by what the store of the account knows to be held, or open; a new one gets the candles of the time on paper. */
  async opened(store: DuckStore): Promise<{ restored: RestoredState; runs: readonly RunRecord[] }> {
    const [restored, runs] = [await store.restore(), await store.runs()];
    if (this.#account === 'live') {
      this.#held.push(...heldIn(restored, runs));
      await this.#decide();
      await takePaperCandles(this.#options.config, store, this.#options.clock);
    }
    return { restored, runs };
  }

  /** Decides by what the markets say, and the keys. */
  async connected(exchanges: readonly TradedExchange[]): Promise<LiveKeys> {
    for (const { id, connection, config: entry } of this.#account === 'paper' ? [] : exchanges) {
      const said = new Set(this.#refusals.filter(({ exchange }) => exchange === id).map(({ code }) => code));
      const more = marketBlockers(connection, entry.symbols, this.#options.config.execution.orderType);
      this.#add(more.filter(({ code }) => !said.has(code)));
    }
    const keys = await checkLiveKeys({
      config: this.#options.config,
      exchanges,
      env: this.#options.env,
      log: this.#options.log,
      refuse: (more) => this.#add(more),
    });
    await this.#decide();
    return keys;
  }

  /** The same of the whole box: REDUCING once no exchange may do more. */
  limitAll(states: TradingStateSource): TradingStateSource {
    return {
      state: () =>
        this.#options.config.exchange.every(({ id }) => this.#isRefused(id))
          ? stricter(states.state(), 'REDUCING')
          : states.state(),
    };
  }

  async tell(alerts: Alerts): Promise<void> {
    const everywhere = this.#options.config.exchange.map(({ id }) => id).join(', ');
    for (const { exchange, message } of this.#refusals)
      await alerts.raise('LIVE_REFUSED', {
        exchange: exchange ?? everywhere,
        reason: message,
        held: this.#held.join('; '),
      });
  }

  #add(more: readonly LiveBlocker[]) {
    if (this.#account === 'paper') return;
    for (const { exchange, code, message, remedy } of more) {
      if (this.#account === 'testnet')
        this.#options.log.warn({ exchange, code, remedy }, `real money would be refused: ${message}`);
      else this.#options.log.error({ exchange, code, remedy }, `live trading is refused: ${message}`);
    }
    if (this.#account === 'live') this.#refusals.push(...more);
  }

  #isRefused(exchange: string) {
    return this.#refusals.some((refusal) => refusal.exchange === null || refusal.exchange === exchange);
  }

  async #askForOrders(entry: ExchangeConfig): Promise<void> {
    try {
      const key = exchangeCredentials(entry.id, this.#options.env, dialectOf(entry.id).credentials);
      if (key === undefined) return;
      const connection = await createExchange(entry, this.#options.clock, revealed(key), {
        device: this.#options.config.device.name,
      });
      const ids = await oursOpen(connection, entry.symbols, this.#options.config.device.name);
      if (ids.length > 0) this.#held.push(`${ids.join(', ')} rest at ${entry.id}`);
    } catch (error) {
      this.#unasked.push(`${entry.id} could not be asked for open orders: ${messageOf(error)}`);
    }
  }

  /** Throws all reasons at once where nothing is held, nor rests at the exchanges. */
  async #decide(): Promise<void> {
    if (this.#refusals.length === 0 || this.#held.length > 0) return;
    if (!this.#asked)
      await Promise.all(this.#options.config.exchange.map((entry) => this.#askForOrders(entry)));
    this.#asked = true;
    if (this.#held.length === 0) throw refusedStart(this.#refusals, this.#unasked);
  }
}

async function oursOpen(
  { api, ids }: ConnectedExchange,
  symbols: readonly string[],
  device: string,
): Promise<readonly string[]> {
  Object.assign(api, { timeout: ASK_MS_MAX });
  const lists = await Promise.all(symbols.map((symbol) => api.fetchOpenOrders(symbol)));
  return lists
    .flat()
    .map(({ clientOrderId }) => ids.fromWire(clientOrderId ?? ''))
    .filter((id) => isOrderOf(device, id));
}

/** Positions by the fills, less than a step counting as none, and orders that have not ended. */
function heldIn({ fills, openOrders }: RestoredState, runs: readonly RunRecord[]): readonly string[] {
  const last = runs.at(-1);
  const known = last === undefined ? [] : parseRunSettings(last.settings).streams;
  const portfolio = new Portfolio({
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
function refusedStart(refusals: readonly LiveBlocker[], unasked: readonly string[]): RedbuttonError {
  const note = unasked.length === 0 ? '' : `\n  (${unasked.join('; ')})`;
  const [first] = refusals;
  if (refusals.length === 1)
    return new RedbuttonError(first!.code, `${first!.message}${note}`, first!.remedy, EXIT.badInput);
  const lines = refusals.map(({ code, message, remedy }) => `\n  ${code}: ${message} → ${remedy}`);
  return badInput(
    'E_LIVE_REFUSED',
    `live trading is refused for ${refusals.length} reasons:${lines.join('')}${note}`,
    'see to each of them, or set mode = "paper"',
  );
}
