import { createCcxtBroker } from '../../src/adapters/ccxt/index.js';
import type { Candle } from '../../src/core/candle.js';
import type { MarketRules, Quote, Side } from '../../src/core/order.js';
import type { OrderEvent } from '../../src/core/records.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { TradingState } from '../../src/core/trading-state.js';
import { HaltHandler } from '../../src/execution/halt-handler.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import type { ExecutionOutcome } from '../../src/execution/order-intent.js';
import { OrderQueue } from '../../src/execution/order-queue.js';
import { Orders } from '../../src/execution/orders.js';
import type { PipelineConfig, PipelineDeps } from '../../src/pipeline/pipeline-api.js';
import { StreamState } from '../../src/pipeline/stream-state.js';
import { Account } from '../../src/portfolio/account.js';
import type { Broker } from '../../src/ports/broker.js';
import type { DialectId, SimulatorOptions } from '../../src/simulator/index.js';
import { ACCOUNT, KRAKEN_ACCOUNT, startWorld, walk } from '../simulator/world.js';
import { emptyContents, tinyStore } from './tiny-store.js';
import { CONFIG, HOUR_MS, KEY, MODEL, SPOT, tinyStream } from './tiny-stream.js';

const SYMBOL = KEY.symbol;

export interface LiveOrdersOptions {
  readonly broker?: Partial<Broker>;
  readonly percent?: number;
  readonly btc?: string;
  /** Bars of the market; the first hundred are history. */
  readonly bars?: number;
  readonly execution?: Partial<PipelineConfig['execution']>;
  /** Binance when left out. */
  readonly dialect?: DialectId;
  readonly simulator?: Partial<SimulatorOptions>;
  /** Of the market; those of tinyStream when left out. */
  readonly rules?: Partial<Pick<MarketRules, 'priceTick' | 'amountStep' | 'amountMin'>>;
}

/** An order layer in mode live with stops 5 % away, over ccxt at the simulated exchange; `nextLife` starts it again. */
export async function liveOrders(options: LiveOrdersOptions = {}) {
  const dialect = options.dialect ?? 'binance';
  const credentials = dialect === 'kraken' ? KRAKEN_ACCOUNT : ACCOUNT;
  const candles = walk(options.bars ?? 200);
  const world = await startWorld({
    dialect,
    candles,
    ...(options.rules && {
      markets: [{ symbol: SYMBOL, timeframe: '1h', candles, priceTick: '0.01', ...options.rules }],
    }),
    accounts: [{ ...credentials, balances: { USDT: '100000', ...(options.btc && { BTC: options.btc }) } }],
    ...options.simulator,
  });
  const { simulator, clock } = world;
  const contents = emptyContents();
  const box = {
    state: 'ACTIVE' as TradingState,
    permit: true,
    /** What the box is told of the book, where that is not so. */
    quote: undefined as (() => Quote) | undefined,
  };
  const rng = seededRng(3);

  const outcomes: ExecutionOutcome[] = [];

  async function nextLife() {
    const store = tinyStore(contents);
    const ccxt = createCcxtBroker(await world.connect(credentials), { beforeCreateLeaves: () => null });
    const broker: Broker = Object.assign(Object.create(ccxt) as Broker, {
      exchange: ccxt.exchange,
      kind: ccxt.kind,
      ...Object.fromEntries(
        (
          [
            'create',
            'find',
            'cancel',
            'openOrders',
            'history',
            'balances',
            'transfers',
            'takesStops',
          ] as const
        ).map((name) => [name, (ccxt[name] as (...args: unknown[]) => unknown).bind(ccxt)]),
      ),
      ...options.broker,
    });
    const ids = createOrderIds('box', clock, rng);
    const deps: PipelineDeps = {
      config: {
        ...CONFIG,
        mode: 'live',
        risk: { ...CONFIG.risk, protectiveStopPct: options.percent ?? 5 },
        execution: { ...CONFIG.execution, notionalMaxFraction: 1, ...options.execution },
      },
      streams: [tinyStream(undefined, { ...KEY, exchange: dialect }, { ...SPOT, ...options.rules })],
      model: MODEL,
      clock,
      store,
      brokers: [broker],
      permit: {
        read: () =>
          box.permit && box.state !== 'HALTED'
            ? { ok: true, state: box.state, epoch: 1, expiresMonotonicMs: 1e15 }
            : { ok: false, reason: 'revoked' },
      },
      ids,
      startCash: '0',
      tradingState: () => box.state,
      quoteFor: () => quoteNow(),
      onOrderOutcome: (outcome) => void outcomes.push(outcome),
    };
    const account = new Account(deps, clock);
    const stream = new StreamState(deps.streams[0]!, deps.config, MODEL, account.portfolio, 1);
    const made = new Orders(deps, account, new OrderQueue(), [stream]);
    const restored = await store.restore();
    made.restoreComparison(restored);
    account.restore(restored);
    await made.open(restored);
    stream.book.markPrice = close();
    const duties = new HaltHandler({
      exchanges: [
        {
          broker,
          symbols: [SYMBOL],
          async resolveUnknown() {
            await made.resolveUnknown();
            return made.execution.unresolvedCount;
          },
          flatten: () => made.flatten(dialect),
          positions: () => [`${stream.book.units.toFixed()} BTC`],
          invalidate: () => undefined,
          compare: async () => null,
        },
      ],
      clock: { ...clock, sleep: async () => {} },
      isOurs: ids.isOurs,
      scope: 'ours',
    });
    const send = (side: Side, units: number, decided?: Promise<void>) =>
      made.send(stream, candle(), { side, units, inputs: { quote: quoteNow() } }, decided);
    return {
      execution: made.execution,
      reconcile: (exchange: string) => made.reconcile(exchange),
      resolveUnknown: () => made.resolveUnknown(),
      flatten: (exchange: string) => made.flatten(exchange),
      unprotected: (exchange: string) => made.unprotected(exchange),
      stream,
      send,
      duties,
      broker,
    };
  }

  const instrument = simulator.exchange.replay.instruments[0]!;
  const close = () => simulator.exchange.replay.lastClose(instrument)!;
  const candle = (): Candle => ({
    // The bar that has closed just now.
    openMs: clock.wallMs() - HOUR_MS,
    open: close(),
    high: close(),
    low: close(),
    close: close(),
    volume: 1,
  });
  function quoteNow(): Quote {
    if (box.quote !== undefined) return box.quote();
    const book = simulator.exchange.book(instrument);
    const [bid, ask] = [book.bids(1)[0]!.price.toNumber(), book.asks(1)[0]!.price.toNumber()];
    return { bid, ask, atMs: clock.wallMs(), source: 'book' };
  }
  const engine = simulator.exchange.account(credentials.apiKey)!.engine;
  const resting = () =>
    engine.resting.map(({ type, amount, trigger, side }) => ({
      type,
      side,
      amount: amount.toFixed(),
      trigger: trigger?.toFixed(),
    }));
  /** A bar that falls (or rises) to `price`, and closes there. */
  function bar(price: number): void {
    const open = close();
    const [low, high] = [Math.min(open, price), Math.max(open, price)];
    const book = simulator.exchange.book(instrument);
    engine.barClosed(
      instrument,
      { openMs: 0, open, high, low, close: price, volume: 1 },
      book,
      clock.wallMs(),
    );
  }
  const events = (): readonly OrderEvent[] => contents.orderLog;
  const first = await nextLife();
  await first.reconcile(dialect);
  return { ...first, outcomes, world, instrument, nextLife, box, engine, resting, bar, events, close };
}
