// @module-tag sockets

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { SimulatedGpio } from '../../src/adapters/gpio/simulated.js';
import { createLog } from '../../src/adapters/log/log.js';
import { loadClassifier } from '../../src/adapters/onnx/classifier.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { command as metrics } from '../../src/cli/box/metrics.js';
import { command } from '../../src/cli/research/backtest.js';
import { loadConfig } from '../../src/config/load.js';
import { pathsOf } from '../../src/config/paths.js';
import { sliceCandles, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { Lockstep, until } from '../../src/demo/lockstep.js';
import { RedButton } from '../../src/demo/red-button.js';
import { simulatedButtonOf } from '../../src/guard/in-process.js';
import { replayFills } from '../../src/portfolio/replay.js';
import { candleCsv } from '../../src/research/candles/csv-writer.js';
import { backtestOf } from '../../src/research/studies/backtest-run.js';
import { ExchangeSimulator, simulatedClock } from '../../src/simulator/index.js';
import { createTrader } from '../../src/trader/trader.js';
import { captureIo } from '../support/command-io.js';
import { HOUR_MS, randomWalk, START_MS } from '../support/tiny-stream.js';

const MODEL = fileURLToPath(new URL('../../models/sp500-daily', import.meta.url));
const SEED = 77;
const HISTORY = 60;
const BARS = 260;
const dir = mkdtempSync(path.join(tmpdir(), 'rb-live-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The whole trader on paper, its candles by ccxt from the exchange simulator; halted once on the way. */
async function livePaper(candles: ReturnType<typeof toColumns>) {
  const simulator = new ExchangeSimulator({
    markets: [{ symbol: 'BTC/USDT', timeframe: '1h', candles }],
    startIndex: HISTORY,
    book: { halfSpreadBps: 5 },
  });
  await simulator.start();
  const file = path.join(dir, 'redbutton.toml');
  writeFileSync(
    file,
    stringify({
      timeframe: '1h',
      modelDir: MODEL,
      device: { name: 'test-box', stateDir: path.join(dir, 'state'), runDir: dir },
      exchange: [
        {
          id: 'binance',
          symbols: ['BTC/USDT'],
          restUrl: simulator.restUrl,
          wsUrl: simulator.wsUrl,
          simulatedTime: true,
        },
      ],
      signals: { confidenceThreshold: 0.01 },
      execution: { ordersPerMinuteMax: 1_000_000 },
      ingestion: { silenceMsMax: 86_400_000 },
      guard: { mode: 'in-process' },
      gpio: { backend: 'simulated' },
    }),
  );
  const config = loadConfig(file);
  const clock = simulatedClock(simulator);
  const gpio = new SimulatedGpio({ [config.gpio.buttonLine]: 0 });
  const lockstep = new Lockstep(simulator);
  const trader = await createTrader({
    config,
    env: {},
    clock,
    rng: seededRng(SEED),
    log: createLog('error', { write: (line) => void process.stderr.write(line) }),
    version: '0.0.0-test',
    gpio,
    onBar: (outcome) => lockstep.onBar(outcome),
  });
  await trader.start();
  const ending = new AbortController();
  const ended = trader.run(ending.signal).catch((error: unknown) => lockstep.fail(error));
  await until(() => simulator.subscribers('BTC/USDT') > 0, 'the subscription');
  const permit = createPermitReader(pathsOf(config.device).permit, clock);
  const button = new RedButton(trader.guard!.guard, simulatedButtonOf(gpio, config), () => permit.read().ok);
  await button.rearm();
  for (let i = 0; i < BARS; i++) {
    if (i === 130) await button.press();
    if (i === 150) await button.rearm();
    await lockstep.next();
  }
  const figures = await figuresOnce(file, [`kind="decided"} ${BARS}`, 'trading_state{state="ACTIVE"} 1']);
  ending.abort(new Error('over'));
  await ended;
  await trader.stop();
  await simulator.stop();
  return { config, file, database: pathsOf(config.device).database, figures };
}

/** The trader's figures as soon as they have `parts`, else as they are in the end: a permit may lapse on a busy machine. */
async function figuresOnce(file: string, parts: readonly string[]): Promise<string> {
  for (const endMs = performance.now() + 20_000; ; await delay(50)) {
    const io = captureIo();
    expect(await metrics.run(['--config', file], io)).toBe(0);
    const figures = io.out();
    if (parts.every((part) => figures.includes(part)) || performance.now() > endMs) return figures;
  }
}

describe('a backtest against the trader itself', () => {
  it('makes the same trades as live paper mode over the exchange simulator', {
    timeout: 240_000,
  }, async () => {
    console.log(`seed ${SEED}`);
    const candles = toColumns(randomWalk(seededRng(SEED), HISTORY + BARS + 1));
    const { config, file, database, figures } = await livePaper(candles);

    // Given what the trader stored
    const store = await openStore({ path: database, readOnly: true });
    const stream = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
    const decisions = (await store.decisions({ stream })).filter(({ decided }) => decided);
    const halts = await store.halts();
    const live = await store.fills();
    await store.close();
    expect(decisions.length).toBe(BARS);

    // When the same candles are backtested
    const classifier = await loadClassifier(MODEL);
    const { fills } = await backtestOf({
      tradable: { stream, calendar: '24x7', loaded: { candles } },
      classifier,
      config,
      fillModel: { halfSpreadBps: 5 },
      like: { decisions, halts },
      onProgress: () => undefined,
    });
    await classifier.close();

    // Then every trade is the same, to the last digit of every fill
    const digits = (of: typeof live) =>
      of.map(({ side, amount, price, fee, symbol }) => `${symbol} ${side} ${amount} at ${price}, fee ${fee}`);
    expect(digits(fills)).toEqual(digits(live));
    const trades = (of: typeof live, barOf: (fill: (typeof live)[number]) => number) =>
      replayFills(of.map((fill) => ({ ...fill, atMs: barOf(fill) }))).trades.map(
        ({ firstOrderId, lastOrderId, exact, ...trade }) => trade,
      );
    const bar = ({ atMs }: { readonly atMs: number }) => Math.floor((atMs - START_MS) / HOUR_MS);
    const made = trades(live, bar);
    expect(trades(fills, bar)).toEqual(made);
    expect(made.length).toBeGreaterThan(10);

    // And the trader counted what it stored
    expect(figures).toContain(`redbutton_bars_total{stream="binance:BTC/USDT:1h",kind="decided"} ${BARS}`);
    expect(figures).toContain(
      `redbutton_fills_total{stream="binance:BTC/USDT:1h",kind="fill"} ${live.length}`,
    );
    expect(figures).toContain('redbutton_trading_state{state="ACTIVE"} 1');

    // And the command says so
    const csv = path.join(dir, 'candles.csv');
    writeFileSync(csv, [...candleCsv(sliceCandles(candles, 0, candles.length), () => {})].join(''));
    const io = captureIo();
    const args = ['--candles', csv, '--model', MODEL, '--config', file, '--like', database, '--json'];
    expect(await command.run(args, io)).toBe(0);
    const told = JSON.parse(io.out());
    expect(told.differences).toBe(0);
    console.log(
      `live paper over the simulator against backtest: ${BARS} bars, ${live.length} fills, ${made.length} trades, 0 differences`,
    );
  });
});
