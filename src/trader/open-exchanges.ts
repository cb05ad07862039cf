import {
  type BeforeCreateLeaves,
  type ConnectedExchange,
  type Credentials,
  createCcxtBroker,
  createCcxtFeed,
  createExchange,
  createOrderStream,
  dialectOf,
} from '../adapters/ccxt/index.js';
import type { Log } from '../adapters/log/log.js';
import { exchangeCredentials, revealed } from '../config/credentials.js';
import type { Config, ExchangeConfig } from '../config/schema.js';
import { streamName } from '../core/candle.js';
import { badInput, EXIT, invariant, messageOf, RedbuttonError } from '../core/errors.js';
import type { Fill, MarketListing } from '../core/order.js';
import type { RunRecord } from '../core/records.js';
import { currenciesOf } from '../core/symbol.js';
import { MarketBook, type MarketEvents } from '../execution/market-book.js';
import { createPaperBroker } from '../execution/paper-broker.js';
import { parseRunSettings } from '../pipeline/decision-settings.js';
import { RestWatch, type RestWatchOptions } from '../pipeline/ingestion/index.js';
import type { Broker, OrderStream } from '../ports/broker.js';
import type { Permit } from '../ports/guard.js';
import type { CandleFeed } from '../ports/market.js';
import type { Clock } from '../ports/time.js';

/** One exchange of the box: the way there, its market data, and the rules of the symbols traded on it. */
export interface TradedExchange {
  readonly id: string;
  readonly config: ExchangeConfig;
  readonly connection: ConnectedExchange;
  readonly feed: RestWatch;
  /** Of every symbol that is traded here; `config.symbols` are those that the exchange lists. */
  readonly market: MarketBook;
  /** Symbols of the configuration that the exchange does not list. */
  readonly missing: readonly string[];
  /** What the exchange says of our orders; null where it says nothing by itself, and on paper. */
  readonly orders: OrderStream | null;
  /** It is a simulator with a time of its own. */
  readonly simulatedTime: boolean;
  /** Symbols whose last bar that was decided on had no trade: on paper nothing is filled in it. */
  readonly tradeless: Set<string>;
}

export interface ExchangeParts {
  readonly config: Pick<Config, 'mode' | 'timeframe' | 'execution' | 'device'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Earlier starts of the box: an exchange that is away at this one is known by the rules it had then. */
  readonly runs: readonly RunRecord[];
  /** Told when an exchange answers no request, and when it does again. */
  readonly requests: RestWatchOptions['events'];
  /** Told of each answer that is not believed. */
  readonly onGarbled?: (exchange: string, place: string) => void;
  /** Told when rules change, and when a market closes or opens. */
  readonly markets: MarketEvents;
}

/** A quote that takes longer is refused: the bars of other exchanges wait behind it. */
const QUOTE_MS_MAX = 3000;
/** How often an exchange is asked that nobody asks for anything, and one that does not answer. */
const REQUEST_CHECK_MS = 60_000;
const REQUEST_RETRY_MS = 2000;

/** Connects one exchange. One that does not answer is taken as it was last known; a wrong configuration rejects. */
export async function openExchange(exchange: ExchangeConfig, parts: ExchangeParts): Promise<TradedExchange> {
  const { config, clock } = parts;
  const connect = () =>
    createExchange(exchange, clock, credentialsOf(exchange.id, parts.env), {
      device: config.device.name,
      onGarbled(place, detail) {
        parts.log.warn({ exchange: exchange.id, place, detail }, 'an answer of the exchange is not believed');
        parts.onGarbled?.(exchange.id, place);
      },
    });
  const connection = await connect();
  const source = createCcxtFeed(connection);
  // On paper the fee is the configured one; an exchange's own rate may be a promotion that live trading would not get.
  const takerFeeRate = String(config.execution.takerFeeRate);
  const asTraded = ({ rules, trading }: MarketListing): MarketListing => ({
    trading,
    rules: config.mode === 'paper' ? { ...rules, takerFeeRate } : rules,
  });
  const listed: CandleFeed['listed'] = async (symbols) =>
    new Map([...(await source.listed(symbols))].map(([symbol, listing]) => [symbol, asTraded(listing)]));
  let isStale = false;
  const found = await listed(exchange.symbols).catch((error: unknown) => {
    const known = lastKnown(exchange, parts);
    if (known.size === 0 || isWrongInput(error)) throw error;
    isStale = true;
    const detail = messageOf(error);
    parts.log.warn(
      { exchange: exchange.id, symbols: [...known.keys()], detail },
      'traded by its last known rules',
    );
    return known;
  });
  const missing = exchange.symbols.filter((symbol) => !found.has(symbol));
  // Where the exchange lists none of them any more, something may still be held there: the box starts as it knew them.
  isStale ||= found.size === 0;
  const listings = found.size === 0 ? lastKnown(exchange, parts) : found;
  const [first, ...rest] = exchange.symbols.filter((symbol) => listings.has(symbol));
  if (first === undefined) throw noneListed(exchange);
  const feed = new RestWatch({
    feed: source,
    symbol: first,
    clock,
    quoteMsMax: QUOTE_MS_MAX,
    checkMs: REQUEST_CHECK_MS,
    retryMs: REQUEST_RETRY_MS,
    events: parts.requests,
  });
  const market = new MarketBook({
    feed: { exchange: exchange.id, listed },
    listings,
    isStale,
    clock,
    events: parts.markets,
  });
  const simulatedTime = exchange.restUrl !== undefined && exchange.simulatedTime;
  const orders = config.mode === 'live' ? await createOrderStream(connection, connect) : null;
  const traded = { ...exchange, symbols: [first, ...rest] };
  return {
    id: exchange.id,
    config: traded,
    connection,
    feed,
    market,
    missing,
    orders,
    simulatedTime,
    tradeless: new Set<string>(),
  };
}

/** The exchange's orders: its own on live, fills at its prices on paper. */
export function brokerOf(
  exchange: TradedExchange,
  parts: { readonly config: Pick<Config, 'mode' | 'execution'>; readonly clock: Clock },
  fills: readonly Fill[],
  beforeCreateLeaves: BeforeCreateLeaves,
): Broker {
  const { config, clock } = parts;
  if (config.mode === 'live') return createCcxtBroker(exchange.connection, { beforeCreateLeaves });
  const paper = createPaperBroker({
    exchange: exchange.id,
    clock,
    rulesOf: (symbol) => exchange.market.rules(symbol),
    isClosed: (symbol) => exchange.market.isShut(symbol),
    availableOf: (symbol) => (exchange.tradeless.has(symbol) ? '0' : undefined),
    startBalances: {
      [currenciesOf(exchange.config.symbols[0]!).quote]: String(config.execution.paperStartCash),
    },
  });
  paper.restore(fills);
  return paper;
}

/**
 * Makes the connection that an order would leave by, while its price is asked for: its handshake costs the order nothing
 * then. There is none without a permit, and none on paper.
 */
export function connectAhead(
  exchange: TradedExchange,
  config: Pick<Config, 'mode'>,
  permit: Permit,
): TradedExchange {
  const reading = config.mode === 'live' ? permit.read() : undefined;
  if (reading?.ok) exchange.connection.creates.warm(reading.epoch);
  return exchange;
}

function credentialsOf(id: string, env: ExchangeParts['env']): Credentials | undefined {
  const found = exchangeCredentials(id, env, dialectOf(id).credentials);
  return found && revealed(found);
}

/** Those of the symbols that the last start knew, as it knew them. */
function lastKnown(
  { id, symbols }: ExchangeConfig,
  { config, runs }: ExchangeParts,
): Map<string, MarketListing> {
  const known = new Map<string, MarketListing>();
  const last = runs.at(-1);
  const streams = last === undefined ? [] : parseRunSettings(last.settings).streams;
  for (const symbol of symbols) {
    const name = streamName({ exchange: id, symbol, timeframe: config.timeframe });
    const rules = streams.find((stream) => streamName(stream.key) === name)?.rules;
    if (rules !== undefined) known.set(symbol, { rules, trading: true });
  }
  return known;
}

function noneListed({ id, symbols }: ExchangeConfig): RedbuttonError {
  return badInput(
    'E_SYMBOL_UNKNOWN',
    `${id} lists none of ${symbols.join(', ')}`,
    'write exchange.symbols as ccxt does, as in "BTC/USDT"; close what is held there by hand',
  );
}

function isWrongInput(error: unknown): boolean {
  return error instanceof RedbuttonError && error.exitCode === EXIT.badInput;
}

export function exchangeOf(exchanges: readonly TradedExchange[], id: string): TradedExchange {
  const exchange = exchanges.find((each) => each.id === id);
  invariant(exchange, `no exchange ${id}`);
  return exchange;
}
