import {
  type BeforeCreateLeaves,
  type ConnectedExchange,
  createCcxtBroker,
  createCcxtFeed,
  createExchange,
  createOrderStream,
} from '../adapters/ccxt/index.js';
import type { Log } from '../adapters/log/log.js';
import { exchangeCredentials } from '../config/credentials.js';
import type { Config, ExchangeConfig } from '../config/schema.js';
import { type StreamKey, streamName } from '../core/candle.js';
import { EXIT, messageOf, RedbuttonError } from '../core/errors.js';
import type { Fill, MarketRules } from '../core/order.js';
import { createPaperBroker, currenciesOf } from '../pipeline/execution/index.js';
import { createRestWatch, type RestWatch, type RestWatchOptions } from '../pipeline/ingestion/index.js';
import { parseRunSettings } from '../pipeline/run-settings.js';
import type { Broker, Clock, OrderStream, Permit, RunRecord } from '../ports.js';

/** One exchange of the box: the way there, its market data, and the rules of the symbols traded on it. */
export interface Venue {
  readonly id: string;
  readonly config: ExchangeConfig;
  readonly connection: ConnectedExchange;
  readonly feed: RestWatch;
  /** By symbol; of every symbol that is traded here. */
  readonly rules: ReadonlyMap<string, MarketRules>;
  /** What the exchange says of our orders; null where it says nothing by itself, and on paper. */
  readonly orders: OrderStream | null;
  /** It is a simulator with a time of its own. */
  readonly simulatedTime: boolean;
}

export interface VenueParts {
  readonly config: Pick<Config, 'mode' | 'timeframe' | 'execution'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Earlier starts of the box: an exchange that is away at this one is known by the rules it had then. */
  readonly runs: readonly RunRecord[];
  /** Told when an exchange answers no request, and when it does again. */
  readonly requests: RestWatchOptions['events'];
}

/** A quote that takes longer is refused: the bars of other exchanges wait behind it. */
const QUOTE_MS_MAX = 3000;
/** How often an exchange is asked that nobody asks for anything, and one that does not answer. */
const REQUEST_CHECK_MS = 60_000;
const REQUEST_RETRY_MS = 2000;

/** Connects one exchange. One that does not answer is taken as it was last known; a wrong configuration rejects. */
export async function openVenue(venue: ExchangeConfig, parts: VenueParts): Promise<Venue> {
  const { config, clock } = parts;
  const connect = () => createExchange(venue, clock, credentialsOf(venue.id, parts.env));
  const connection = await connect();
  const feed = createRestWatch({
    feed: createCcxtFeed(connection),
    symbol: venue.symbols[0]!,
    clock,
    quoteMsMax: QUOTE_MS_MAX,
    checkMs: REQUEST_CHECK_MS,
    retryMs: REQUEST_RETRY_MS,
    events: parts.requests,
  });
  const rules = new Map<string, MarketRules>();
  for (const symbol of venue.symbols) {
    const found = await feed.rules(symbol).catch((error: unknown) => {
      const key = { exchange: venue.id, symbol, timeframe: config.timeframe };
      const known = lastKnownRules(parts.runs, key);
      if (known === undefined || isWrongInput(error)) throw error;
      parts.log.warn(
        { exchange: venue.id, symbol, detail: messageOf(error) },
        'traded by its last known rules',
      );
      return known;
    });
    // On paper the fee is the configured one; a venue's own rate may be a promotion that live trading would not get.
    const takerFeeRate = String(config.execution.takerFeeRate);
    rules.set(symbol, config.mode === 'paper' ? { ...found, takerFeeRate } : found);
  }
  const simulatedTime = venue.restUrl !== undefined && venue.simulatedTime;
  const orders = config.mode === 'live' ? await createOrderStream(connection, connect) : null;
  return { id: venue.id, config: venue, connection, feed, rules, orders, simulatedTime };
}

/** The venue's orders: its own on live, fills at its prices on paper. */
export function brokerOf(
  venue: Venue,
  parts: Pick<VenueParts, 'config' | 'clock'>,
  fills: readonly Fill[],
  beforeCreateLeaves: BeforeCreateLeaves,
): Broker {
  const { config, clock } = parts;
  if (config.mode === 'live') return createCcxtBroker(venue.connection, { beforeCreateLeaves });
  const paper = createPaperBroker({
    exchange: venue.id,
    clock,
    rulesOf: (symbol) => venue.rules.get(symbol),
    startBalances: {
      [currenciesOf(venue.config.symbols[0]!).quote]: String(config.execution.paperStartCash),
    },
  });
  paper.restore(fills);
  return paper;
}

/**
 * Makes the connection that an order would leave by, while its price is asked for: its handshake costs the order nothing
 * then. There is none without a permit, and none on paper.
 */
export function connectAhead(venue: Venue, config: Pick<Config, 'mode'>, permit: Permit): Venue {
  const reading = config.mode === 'live' ? permit.read() : undefined;
  if (reading?.ok) venue.connection.creates.warm(reading.epoch);
  return venue;
}

function credentialsOf(id: string, env: VenueParts['env']): { apiKey: string; secret: string } | undefined {
  const found = exchangeCredentials(id, env);
  return found && { apiKey: found.apiKey.reveal(), secret: found.secret.reveal() };
}

function lastKnownRules(runs: readonly RunRecord[], key: StreamKey): MarketRules | undefined {
  const name = streamName(key);
  const last = runs.at(-1);
  if (last === undefined) return undefined;
  return parseRunSettings(last.settings).streams.find((stream) => streamName(stream.key) === name)?.rules;
}

function isWrongInput(error: unknown): boolean {
  return error instanceof RedbuttonError && error.exitCode === EXIT.badInput;
}
