import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SimulatedGpio } from '../adapters/gpio/simulated.js';
import { createLog } from '../adapters/log/log.js';
import { createPermitReader } from '../adapters/permit-file/permit-reader.js';
import { loadConfig } from '../config/load.js';
import { boxPaths } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import type { CommandIo } from '../console/io.js';
import { packageVersion } from '../console/package-version.js';
import { startProgress } from '../console/progress.js';
import { sliceCandles } from '../core/candle.js';
import { simulatedButtonOf } from '../guard/in-process.js';
import { loadTradable, type TradableCandles } from '../research/studies/backtest-run.js';
import { ExchangeSimulator, simulatedClock } from '../simulator/index.js';
import { createTrader, type Trader } from '../trader/trader.js';
import { demoConfigText } from './demo-config.js';
import { type DemoModel, trainDemoModel } from './demo-model.js';
import { leaveReport } from './demo-report.js';
import { type EmbeddedBroker, startEmbeddedBroker } from './embedded-broker.js';
import { watchKeys } from './keys.js';
import { Lockstep, until } from './lockstep.js';
import { type MarketHistory, sp500History } from './market-history.js';
import { connectPhone, type Phone } from './phone.js';
import { RedButton } from './red-button.js';

export interface DemoOptions {
  readonly candles?: string;
  readonly symbol?: string;
  readonly mqttUrl?: string;
  readonly trainShare: number;
  /** 0: all. */
  readonly barsMax: number;
  readonly out: string;
  readonly json: boolean;
  readonly io: CommandIo;
}

/** Share of the training bars that reach the threshold, so that there is something to see. */
const SIGNAL_SHARE = 0.25;
/** Where in the run the button is pressed, and for how many bars the halt is watched. */
const PRESS_AT = 0.5;
const HALTED_BARS = 60;

/** What the demo shows of a halt. */
export interface HaltShown {
  readonly pressedAfterBars: number;
  readonly revokedMs: number;
  readonly confirmedMs: number;
  readonly led: string;
  readonly bars: number;
  readonly signals: number;
  readonly orders: number;
}

/** Runs the demo; false when something that must hold did not (an order while halted, a decision that differs). */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { io } = options;
  const say = (line: string) => io.stderr.write(`${line}\n`);
  const history: MarketHistory =
    options.candles === undefined
      ? sp500History()
      : { file: options.candles, symbol: 'BTC/USDT', title: path.basename(options.candles) };
  const tradable = await loadTradable(
    history.file,
    { exchange: 'binance', symbol: options.symbol ?? history.symbol },
    'strict',
  );
  const { candles } = tradable.loaded;
  const trainBars = Math.floor(candles.length * options.trainShare);
  const from = Math.max(trainBars, candles.length - 1 - (options.barsMax || candles.length));
  say(
    `Redbutton demo: ${history.title}, ${candles.length} candles from ${day(candles.openMs[0]!)} to ${day(candles.openMs.at(-1)!)}`,
  );
  if (tradable.loaded.quarantined.length > 0)
    say(`  ${tradable.loaded.quarantined.length} rows were quarantined by validation`);

  const dirs = freshDirectories(options.out);
  const closers: (() => unknown)[] = [() => rmSync(dirs.run, { recursive: true, force: true })];
  try {
    const model = await train(tradable, trainBars, dirs.model, io);
    const { evaluation } = model.manifest;
    say(`  trained on the bars to ${day(candles.openMs[trainBars - 1]!)}`);
    say(
      `    held-out AUC ${evaluation?.heldOutAuc?.toFixed(3) ?? 'unknown'} (0.5 is chance), confidence threshold ${model.confidenceThreshold}`,
    );
    const world = await startWorld(tradable, from, model, dirs, options, closers);
    const halt = await tradeThrough(world, candles.length - 1 - from, io);
    await world.trader.run.stop();
    const result = await leaveReport({
      tradable,
      config: world.config,
      configFile: dirs.config,
      database: boxPaths(world.config).database,
      modelDir: dirs.model,
      reportFile: path.join(dirs.out, 'report.html'),
      halt,
      phone: world.phone,
      json: options.json,
      io,
    });
    return halt.orders === 0 && result.differences === 0;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

interface DemoWorld {
  readonly config: Config;
  readonly trader: { readonly parts: Trader; readonly run: RunningTrader };
  readonly lockstep: Lockstep;
  readonly button: RedButton;
  readonly phone: Phone;
}

interface RunningTrader {
  stop(): Promise<void>;
}

type Directories = ReturnType<typeof freshDirectories>;

/** Simulator, broker, phone and trader, connected and armed. */
async function startWorld(
  tradable: TradableCandles,
  from: number,
  model: DemoModel,
  dirs: Directories,
  options: DemoOptions,
  closers: (() => unknown)[],
): Promise<DemoWorld> {
  const { io } = options;
  const { stream, calendar } = tradable;
  const simulator = new ExchangeSimulator({
    markets: [{ symbol: stream.symbol, timeframe: stream.timeframe, candles: tradable.loaded.candles }],
    startIndex: from,
    book: { halfSpreadBps: 5 },
  });
  await simulator.start();
  closers.push(() => simulator.stop());
  const broker: EmbeddedBroker | null = options.mqttUrl === undefined ? await startEmbeddedBroker() : null;
  if (broker) closers.push(() => broker.close());
  const brokerUrl = options.mqttUrl ?? broker!.url;
  const protocolVersion = broker ? 4 : 5;
  const phone = await connectPhone(brokerUrl, 'demo', protocolVersion);
  closers.push(() => phone.close());

  writeFileSync(
    dirs.config,
    demoConfigText({
      symbol: stream.symbol,
      timeframe: stream.timeframe,
      calendar,
      modelDir: dirs.model,
      stateDir: dirs.state,
      runDir: dirs.run,
      confidenceThreshold: model.confidenceThreshold,
      restUrl: simulator.restUrl,
      wsUrl: simulator.wsUrl,
      brokerUrl,
      protocolVersion,
    }),
  );
  const config = loadConfig(dirs.config);
  const clock = simulatedClock(simulator);
  const gpio = new SimulatedGpio({ [config.gpio.buttonLine]: config.guard.contact === 'nc' ? 0 : 1 });
  const lockstep = new Lockstep(simulator);
  const parts = await createTrader({
    config,
    env: io.env,
    clock,
    rng: { next: Math.random },
    log: createLog('error', { write: (line) => void io.stderr.write(line) }),
    version: packageVersion(),
    gpio,
    onBar: (outcome) => lockstep.onBar(outcome),
  });
  const run = await startTrader(parts, lockstep, closers);
  await until(() => simulator.subscribers(stream.symbol) > 0, 'the subscription to the market');

  const permit = createPermitReader(boxPaths(config).permit, clock);
  const setButton = simulatedButtonOf(gpio, config);
  const button = new RedButton(parts.guard!.guard, setButton, () => permit.read().ok);
  closers.push(watchKeys(io, () => button.toggle()));
  io.stderr.write('  a new box is halted: the button is pressed twice to arm it\n');
  await button.rearm();
  return { config, trader: { parts, run }, lockstep, button, phone };
}

async function startTrader(
  parts: Trader,
  lockstep: Lockstep,
  closers: (() => unknown)[],
): Promise<RunningTrader> {
  const stop = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  const run: RunningTrader = {
    async stop() {
      stop.abort(new Error('the demo is over'));
      await ended;
      await parts.stop();
      // Stopping twice (here and on the way out after a failure) must do nothing more.
      run.stop = async () => undefined;
    },
  };
  closers.push(() => run.stop());
  await parts.start();
  ended = parts.run(stop.signal).catch((error: unknown) => lockstep.fail(error));
  return run;
}

/** The market runs; half-way the button is pressed, the halt is watched, and the box is armed again. */
async function tradeThrough(world: DemoWorld, bars: number, io: CommandIo): Promise<HaltShown> {
  const { lockstep, button } = world;
  const progress = startProgress(io.stderr, '  trading', bars, 'bars', () => performance.now());
  const pressAt = Math.floor(bars * PRESS_AT);
  const haltedBars = Math.min(HALTED_BARS, bars - pressAt - 1);
  let shown: HaltShown | null = null;
  let pressed: Awaited<ReturnType<RedButton['press']>> | null = null;
  let signals = 0;
  let orders = 0;
  for (let done = 0; done < bars; done++) {
    io.signal.throwIfAborted();
    if (done === pressAt) {
      pressed = await button.press();
      progress.say('  the red button is pressed');
      progress.say(
        `    permit revoked in ${pressed.revokedMs.toFixed(1)} ms, halt confirmed in ${pressed.confirmedMs.toFixed(0)} ms`,
      );
      progress.say(`    the LED shows: ${pressed.led.replaceAll('_', ' ')}`);
    }
    const bar = await lockstep.next();
    if (pressed !== null && shown === null) {
      if (bar.record.signal?.kind === 'signal') signals++;
      if (bar.execution !== null) orders++;
      if (done === pressAt + haltedBars) {
        shown = { pressedAfterBars: pressAt, ...pressed, bars: haltedBars + 1, signals, orders };
        progress.say(`  halted for ${shown.bars} bars: ${signals} signals came, ${orders} orders left`);
        await button.rearm();
        progress.say('  released, resumed, pressed twice: armed again');
      }
    }
    progress.update(done + 1, `equity ${(bar.record.account?.equity ?? 0).toFixed(0)}`);
  }
  progress.finish();
  return (
    shown ?? { pressedAfterBars: pressAt, revokedMs: 0, confirmedMs: 0, led: '', bars: 0, signals, orders }
  );
}

async function train(
  tradable: TradableCandles,
  bars: number,
  dir: string,
  io: CommandIo,
): Promise<DemoModel> {
  const { candles } = tradable.loaded;
  let progress: ReturnType<typeof startProgress> | undefined;
  const model = await trainDemoModel(sliceCandles(candles, 0, bars), {
    stream: tradable.stream,
    calendar: tradable.calendar,
    maxGapBars: 3,
    dir,
    signalShare: SIGNAL_SHARE,
    nowMs: Date.now(),
    signal: io.signal,
    onProgress(done, total) {
      progress ??= startProgress(io.stderr, '  training', total, 'trees', () => performance.now());
      progress.update(done);
    },
  });
  progress?.finish();
  return model;
}

/** Empties what an earlier demo left in `out` and nothing else. */
function freshDirectories(out: string) {
  const dirs = {
    out,
    state: path.resolve(out, 'state'),
    guardState: path.resolve(out, 'state-guard'),
    model: path.resolve(out, 'model'),
    config: path.resolve(out, 'redbutton.toml'),
    // Sockets have short names: a deep folder would be too long for them.
    run: mkdtempSync(path.join(tmpdir(), 'redbutton-demo-')),
  };
  for (const dir of [dirs.state, dirs.guardState, dirs.model]) rmSync(dir, { recursive: true, force: true });
  mkdirSync(dirs.model, { recursive: true });
  return dirs;
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
