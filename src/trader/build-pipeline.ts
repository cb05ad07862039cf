import { setMaxListeners } from 'node:events';
import type { Log } from '../adapters/log/log.js';
import { createTradingStateSource } from '../adapters/permit-file/trading-state-source.js';
import type { Config } from '../config/schema.js';
import { createOrderIds } from '../execution/order-id.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import { Pipeline } from '../pipeline/pipeline.js';
import type { createStreamSetup } from '../pipeline/stream-setup.js';
import type { Broker } from '../ports/broker.js';
import type { Permit } from '../ports/guard.js';
import type { Clock, Rng } from '../ports/time.js';
import { LastCheck } from './last-check.js';
import type { LiveStart } from './live-start.js';
import { brokerOf, connectAhead, exchangeOf, type TradedExchange } from './open-exchanges.js';
import type { OpenedStore } from './open-store.js';
import { createPaperQuotes } from './paper-quotes.js';
import { streamsOf } from './streams.js';
import { TradingStates } from './trading-states.js';

/** The third phase of a start: the seven layers over the store and the exchanges. */
export interface BuiltPipeline {
  readonly pipeline: Pipeline;
  readonly streams: readonly ReturnType<typeof createStreamSetup>[];
  /** Of the exchanges, in their order. */
  readonly brokers: readonly Broker[];
  /** What the pipeline and the gate go by; later phases limit it. */
  readonly states: TradingStates;
  readonly isOurs: (clientOrderId: string) => boolean;
}

export interface PipelineParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly opened: OpenedStore;
  readonly exchanges: readonly TradedExchange[];
  readonly permit: Permit;
  readonly liveStart: LiveStart;
  /** Called as soon as something has become of an order, and is stored. */
  readonly onOrderOutcome: (outcome: ExecutionOutcome) => void;
}

/** Waits for one and the same event, of all but the streams and of each stream, beyond which something is left behind. */
const [LISTENERS_MAX, LISTENERS_PER_STREAM_MAX] = [10, 4];

export async function buildPipeline(parts: PipelineParts): Promise<BuiltPipeline> {
  const { config, clock, rng, log, opened, exchanges, permit, liveStart } = parts;
  const { store, restored, deciding } = opened;
  const paperQuote = await createPaperQuotes({ config, clock, log });
  const states = new TradingStates(createTradingStateSource(permit));
  const ids = createOrderIds(config.device.name, clock, rng);
  const lastCheck = new LastCheck();
  const brokers = exchanges.map((exchange) =>
    brokerOf(exchange, { config, clock }, restored.fills, (order) => lastCheck.ask(order)),
  );
  const streams = streamsOf(exchanges, config, deciding.classifier, clock);
  // Each stream waits for the end of the run in a few places; Node takes more than ten such listeners for a leak.
  setMaxListeners(LISTENERS_MAX + LISTENERS_PER_STREAM_MAX * streams.length);
  const pipeline = new Pipeline({
    config,
    streams,
    model: deciding.manifest,
    clock,
    store,
    brokers,
    markets: new Map(exchanges.map(({ id, market }) => [id, market])),
    permit,
    ids,
    // What a live account holds is stored as opening flows at the first start, and counted from there.
    startCash: config.mode === 'paper' ? String(config.execution.paperStartCash * exchanges.length) : '0',
    tradingState: ({ exchange }) => liveStart.limit(exchange, states.state()),
    async quoteFor({ exchange, symbol }, candle) {
      const { feed, market, tradeless } = connectAhead(exchangeOf(exchanges, exchange), config, permit);
      if (candle.volume > 0) tradeless.delete(symbol);
      else tradeless.add(symbol);
      const book = await feed.quote(symbol);
      if (config.mode === 'live') return book;
      return paperQuote({ exchange, symbol }, candle.close, book, market.rules(symbol)!.priceTick);
    },
    healthEachBar: true,
    onOrderOutcome: parts.onOrderOutcome,
  });
  lastCheck.answerBy((order) => pipeline.orders.mayLeave(order));
  return { pipeline, streams, brokers, states, isOurs: ids.isOurs };
}
