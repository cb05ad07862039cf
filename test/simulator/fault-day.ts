import { createCcxtFeed, createExchange } from '../../src/adapters/ccxt/index.js';
import { configSchema } from '../../src/config/schema.js';
import { candleAt, type StreamKey, streamName, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { Ingestion, RestWatch } from '../../src/pipeline/ingestion/index.js';
import type { AuditLog, Store, StoreReader } from '../../src/ports/store.js';
import { ExchangeSimulator, simulatedClock } from '../../src/simulator/index.js';
import { LiveRun } from '../../src/trader/live-run.js';
import { paperWorld } from '../support/paper-world.js';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2024, 0, 1);
const HISTORY_BARS = 100;
const BACKFILL_BARS = 30;
/** Above what a busy machine needs for a minute of all symbols: a market that stands still is silent too. */
const SILENCE_MS = 2500;
/** Real milliseconds in which a fault must be told, and again in which it must be healed. */
const PATIENCE_MS = 60_000;

export interface FaultDayOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly symbolsPerExchange: number;
  readonly disconnects: number;
  readonly silences: number;
  readonly outages: number;
  readonly store: Store & AuditLog & StoreReader;
  /** Real milliseconds a minute, at least. */
  readonly paceMs: number;
}

export interface FaultDayVerdict {
  readonly flaws: readonly string[];
  readonly bars: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly alerts: number;
  readonly recoveries: number;
  readonly corrections: number;
  readonly quarantined: number;
  readonly gapsFilled: number;
}

type FaultKind = 'disconnect' | 'silence' | 'REST outage';

/**
 * A simulated day of two exchanges over real sockets, with faults of lines and of messages drawn from a seed; at the end
 * what is stored is held against the market's own candles. Each fault of a line must have been told and be over, with an
 * alert and a recovery, before the next one begins.
 */
export async function runFaultDay(options: FaultDayOptions): Promise<FaultDayVerdict> {
  const rng = seededRng(options.seed);
  const total = HISTORY_BARS + options.minutes;
  const exchanges = ['binance', 'binanceus'].map((id, v) => {
    const symbols = Array.from(
      { length: options.symbolsPerExchange },
      (_, i) => `${String.fromCharCode(65 + v)}${String.fromCharCode(65 + i)}/USDT`,
    );
    const markets = symbols.map((symbol) => {
      let close = 100;
      const candles = Array.from({ length: total }, (_, i) => {
        const open = close;
        close = Math.round(close * (1 + (rng.next() - 0.5) * 0.01) * 100) / 100;
        return {
          openMs: START_MS + i * MINUTE_MS,
          open,
          high: Math.max(open, close),
          low: Math.min(open, close),
          close,
          volume: Math.round((1 + rng.next()) * 1e4) / 1e4,
        };
      });
      return { symbol, timeframe: '1m', candles: toColumns(candles), priceTick: '0.01' };
    });
    const simulator = new ExchangeSimulator({ markets, startIndex: HISTORY_BARS });
    return { id, symbols, markets, simulator, tampering: tamperer(rng) };
  });
  for (const { simulator, tampering } of exchanges) {
    await simulator.start();
    simulator.tamper = tampering.tamper;
  }
  const clock = simulatedClock(exchanges[0]!.simulator);

  const open = new Map<string, number>();
  const flaws: string[] = [];
  let alerts = 0;
  let recoveries = 0;
  /** The market has ended: that it stands still from then on is no fault of a line. */
  let over = false;
  const raise = async (code: string, figures: Readonly<Record<string, unknown>>) => {
    const what = String(figures.symbol ?? figures.layer);
    const name = /([AB][A-Z]\/USDT)/.exec(what)?.[1] ?? what;
    if (code === 'LAYER_FAULT' && !over) {
      alerts += 1;
      open.set(name, (open.get(name) ?? 0) + 1);
    }
    if ((code === 'FEED_BACK' || code === 'LAYER_BACK') && (open.get(name) ?? 0) > 0) {
      recoveries += 1;
      open.set(name, (open.get(name) ?? 0) - 1);
    }
  };

  const feeds = await Promise.all(
    exchanges.map(async ({ id, symbols, simulator }) => {
      const config = configSchema.parse({
        exchange: [{ id, symbols, restUrl: simulator.restUrl, wsUrl: simulator.wsUrl }],
      }).exchange[0]!;
      const feed = createCcxtFeed(await createExchange(config, clock), { graceMs: 0 });
      return new RestWatch({
        feed,
        symbol: symbols[0]!,
        clock,
        quoteMsMax: 2000,
        checkMs: 50,
        retryMs: 20,
        events: {
          onDown: (exchange, detail) =>
            void raise('LAYER_FAULT', { layer: `requests to ${exchange}`, errorCode: 'E', detail }),
          onUp: (exchange, afterMs) =>
            void raise('LAYER_BACK', { layer: `requests to ${exchange}`, afterMs }),
        },
      });
    }),
  );
  const keys: StreamKey[] = exchanges.flatMap(({ id, symbols }) =>
    symbols.map((symbol) => ({ exchange: id, symbol, timeframe: '1m' })),
  );
  const { pipeline } = await paperWorld({
    store: options.store,
    keys,
    clock: clock as never,
    setup: (tiny) => ({
      ...tiny,
      ingestion: new Ingestion({
        stream: tiny.key,
        calendar: '24x7',
        rules: 'strict',
        maxGapBars: 3,
        clock,
      }),
    }),
  });
  let handled = 0;
  const live = new LiveRun({
    pipeline,
    streams: keys.map((key) => ({
      key,
      feed: feeds[exchanges.findIndex(({ id }) => id === key.exchange)]!,
      calendar: '24x7',
    })),
    restWatches: feeds,
    store: options.store,
    clock,
    alerts: { raise },
    states: { state: () => 'ACTIVE' },
    mode: 'paper',
    version: 'test',
    silenceMsMax: SILENCE_MS,
    backfillBars: BACKFILL_BARS,
    backoffMs: [10, 50],
    publishState: () => undefined,
    async onBar() {
      handled += 1;
    },
  });
  await live.start();
  const ending = new AbortController();
  let failure: unknown;
  const running = live.run(ending.signal).catch((error: unknown) => {
    failure = error;
  });

  const sleep = (ms: number) => clock.sleep(ms);
  async function until(condition: () => boolean, what: string, stepsMeanwhile = false): Promise<boolean> {
    const endMs = clock.monotonicMs() + PATIENCE_MS;
    while (!condition()) {
      if (failure !== undefined) throw failure;
      if (clock.monotonicMs() > endMs) {
        flaws.push(`waited ${PATIENCE_MS} ms for ${what}`);
        return false;
      }
      if (stepsMeanwhile) await minute();
      else await sleep(5);
    }
    return true;
  }
  let position = HISTORY_BARS;
  async function minute(): Promise<void> {
    const before = handled;
    if (position < total) position += 1;
    await Promise.all(exchanges.map(({ simulator }) => simulator.step()));
    await sleep(options.paceMs);
    // The market waits for a slow machine, but not for a line that is down.
    const endMs = clock.monotonicMs() + 300;
    while (handled - before < keys.length && clock.monotonicMs() < endMs) await sleep(2);
  }
  const wholeAgain = () => [...open.values()].every((count) => count === 0);
  const listening = () =>
    exchanges.every(({ simulator, symbols }) => symbols.every((symbol) => simulator.subscribers(symbol) > 0));

  const kinds: FaultKind[] = [
    ...Array<FaultKind>(options.disconnects).fill('disconnect'),
    ...Array<FaultKind>(options.silences).fill('silence'),
    ...Array<FaultKind>(options.outages).fill('REST outage'),
  ];
  for (let i = kinds.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [kinds[i], kinds[j]] = [kinds[j]!, kinds[i]!];
  }
  const faults: Record<string, number> = {};
  try {
    await until(listening, 'the first subscriptions');
    const slot = Math.floor(options.minutes / (kinds.length + 1));
    for (const [k, kind] of kinds.entries()) {
      while (position < HISTORY_BARS + (k + 1) * slot) await minute();
      const { simulator, id } = exchanges[Math.floor(rng.next() * 2)]!;
      const note = `the ${kind} number ${k} of ${id} at minute ${position - HISTORY_BARS}`;
      const alertsBefore = alerts;
      const told = () => alerts > alertsBefore;
      faults[kind] = (faults[kind] ?? 0) + 1;
      if (kind === 'disconnect') {
        simulator.dropStreams();
        await until(told, `an alert of ${note}`, true);
      } else if (kind === 'silence') {
        simulator.silent = true;
        await until(told, `an alert of ${note}`, true);
        simulator.silent = false;
      } else {
        const answers = [
          { kind: 'drop' },
          { kind: 'answer', status: 503, body: '{"code":-1001,"msg":"unavailable"}' },
          { kind: 'answer', status: 200, body: '<html>maintenance</html>' },
        ] as const;
        simulator.interceptor = ({ path }) =>
          path.startsWith('/api/') ? answers[Math.floor(rng.next() * answers.length)]! : undefined;
        for (let m = 0; m < 5; m++) await minute();
        await until(told, `an alert of ${note}`, true);
        simulator.interceptor = undefined;
      }
      await until(() => wholeAgain() && listening(), `the recovery from ${note}`, true);
    }
    while (position < total) await minute();
    over = true;
    for (const { tampering } of exchanges) tampering.stop();
    const last = START_MS + (total - 1) * MINUTE_MS;
    await until(() => Object.values(pipeline.state().lastBarMs).every((ms) => ms === last), 'the last bars');
    let gapsLeft = 1;
    for (
      const endMs = clock.monotonicMs() + PATIENCE_MS;
      gapsLeft > 0 && clock.monotonicMs() < endMs;
      await sleep(50)
    )
      gapsLeft = (await options.store.gaps()).filter(({ state }) => state === 'open').length;
    if (gapsLeft > 0) flaws.push(`${gapsLeft} gaps are still open`);
    await until(wholeAgain, 'the last recovery');
  } finally {
    ending.abort();
    await running;
    for (const feed of feeds) await feed.close();
    for (const { simulator } of exchanges) await simulator.stop();
  }

  const corrections = await options.store.corrections();
  let bars = 0;
  for (const { id, markets } of exchanges) {
    for (const { symbol, candles } of markets) {
      const key = { exchange: id, symbol, timeframe: '1m' };
      const stored = await options.store.candles(key);
      bars += stored.length;
      const first = total - stored.length;
      if (first > HISTORY_BARS - BACKFILL_BARS) flaws.push(`${streamName(key)} begins only at bar ${first}`);
      for (let i = 0; i < stored.length; i++) {
        const truth = candleAt(candles, first + i);
        const row = candleAt(stored, i);
        if (JSON.stringify(row) === JSON.stringify(truth)) continue;
        // The bar was told otherwise at first, and decided on: then it stays, and the later word stands beside it.
        const corrected = corrections.some(
          (c) =>
            streamName(c.stream) === streamName(key) &&
            JSON.stringify(c.stored) === JSON.stringify(row) &&
            JSON.stringify(c.corrected) === JSON.stringify(truth),
        );
        if (!corrected)
          flaws.push(`${streamName(key)}: stored ${JSON.stringify(row)}, true ${JSON.stringify(truth)}`);
      }
    }
  }
  const gaps = await options.store.gaps();
  return {
    flaws,
    bars,
    faults: { ...faults, ...addUp(exchanges.map(({ tampering }) => tampering.counts)) },
    alerts,
    recoveries,
    corrections: corrections.length,
    quarantined: (await options.store.quarantined()).length,
    gapsFilled: gaps.filter(({ state }) => state === 'filled').length,
  };
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const each of counts) for (const [name, n] of Object.entries(each)) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}

/** Faults of messages: final klines come twice, late, garbled, or first with other figures and then with the right ones. */
function tamperer(rng: { next(): number }) {
  const counts: Record<string, number> = { duplicated: 0, reordered: 0, malformed: 0, corrected: 0 };
  const held = new Map<string, string[]>();
  let stopped = false;
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const tamper = (stream: string, message: string): readonly string[] => {
    const late = held.get(stream) ?? [];
    held.delete(stream);
    const event = JSON.parse(message) as { k?: { x: boolean; c: string; v: string; h: string } };
    if (stopped || !event.k?.x) return [message, ...late];
    const draw = rng.next();
    if (draw < 0.02) {
      count('duplicated');
      return [message, ...late, message];
    }
    if (draw < 0.035) {
      // It comes only after the opening tick of the next bar.
      count('reordered');
      held.set(stream, [message]);
      return late;
    }
    if (draw < 0.05) {
      count('malformed');
      const { k } = event;
      const bad = [
        { ...event, k: { ...k, c: 'NaN' } },
        { ...event, k: { ...k, h: '0.01' } },
        { ...event, k: { ...k, v: null } },
      ];
      return [JSON.stringify(bad[Math.floor(rng.next() * bad.length)]), ...late];
    }
    if (draw < 0.065) {
      count('corrected');
      held.set(stream, [message]);
      return [JSON.stringify({ ...event, k: { ...event.k, v: '77.00000000' } }), ...late];
    }
    return [message, ...late];
  };
  return {
    tamper,
    counts,
    stop: () => {
      stopped = true;
    },
  };
}
