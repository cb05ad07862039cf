import { type Candle, candleAt } from '../../src/core/candle.js';
import type { Quote } from '../../src/core/order.js';
import type { CandleFeed } from '../../src/ports/market.js';
import type { SimulatedExchange } from '../../src/simulator/simulated-exchange.js';
import type { EventClock } from './event-clock.js';
import type { FaultPlan } from './fault-plan.js';
import type { Life } from './life.js';
import { EXCHANGE, rulesOf } from './simulated-market.js';

/** The candles of the simulated exchange on their way to one life of the trader. */
export interface SimulatedFeed extends CandleFeed {
  /** A bar has closed at the exchange. */
  barClosed(symbol: string, candle: Candle): void;
}

interface Listener {
  readonly symbol: string;
  readonly onClosed: (candle: Candle) => void;
  readonly onLife: () => void;
  readonly fail: (error: Error) => void;
}

export function createSimulatedFeed(
  exchange: SimulatedExchange,
  clock: EventClock,
  plan: FaultPlan,
  life: Life,
): SimulatedFeed {
  const listeners = new Set<Listener>();
  const stale = new Map<string, Quote>();
  const instrumentOf = (symbol: string) => exchange.replay.instrument(symbol.replace('/', ''))!;

  function deliver(listener: Listener, candle: Candle): void {
    const send = (waitMs: number) =>
      clock.after(waitMs, () => {
        if (life.dead || !listeners.has(listener)) return;
        listener.onLife();
        listener.onClosed(candle);
      });
    if (plan.chance(0.01)) return;
    send(plan.chance(0.02) ? plan.delayMs(2000, 400_000) : plan.delayMs(20, 900));
    if (plan.chance(0.03)) send(plan.delayMs(0, 2000));
  }

  return {
    exchange: EXCHANGE,
    listed: async (symbols) =>
      new Map(symbols.map((symbol) => [symbol, { rules: rulesOf(symbol), trading: true }])),
    close: async () => undefined,
    barClosed(symbol, candle) {
      for (const listener of listeners) {
        if (listener.symbol !== symbol) continue;
        if (plan.chance(0.01)) listener.fail(new Error('the connection was reset'));
        else deliver(listener, candle);
      }
    },
    async history(symbol, _timeframe, sinceMs, limit) {
      await life.hears(clock.sleep(plan.delayMs(5, 80)));
      if (plan.chance(0.1)) throw new Error('503 service unavailable');
      const instrument = instrumentOf(symbol);
      const rows: Candle[] = [];
      for (let i = exchange.replay.completed(instrument) - 1; i >= 0; i--) {
        const candle = candleAt(instrument.candles, i);
        if (candle.openMs < sinceMs) break;
        rows.push(candle);
      }
      return [...rows.reverse(), exchange.replay.inProgress(instrument)].slice(0, limit);
    },
    stream: (symbol, _timeframe, onClosed, onLife, signal) =>
      new Promise((resolve, reject) => {
        const listener: Listener = { symbol, onClosed, onLife, fail: reject };
        listeners.add(listener);
        signal.addEventListener(
          'abort',
          () => {
            listeners.delete(listener);
            resolve();
          },
          { once: true },
        );
      }),
    async quote(symbol) {
      await life.hears(clock.sleep(plan.delayMs(5, 60)));
      if (plan.chance(0.02)) throw new Error('503 service unavailable');
      if (plan.chance(0.02)) return undefined;
      const book = exchange.book(instrumentOf(symbol));
      const [bid] = book.bids(1);
      const [ask] = book.asks(1);
      if (!bid || !ask) return undefined;
      const quote: Quote = {
        bid: bid.price.toNumber(),
        ask: ask.price.toNumber(),
        atMs: clock.wallMs(),
        source: 'book',
      };
      const old = stale.get(symbol);
      stale.set(symbol, quote);
      return old && plan.chance(0.03) ? old : quote;
    },
  };
}
