import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { createExchange } from '../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { pathsOf } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import { type Candle, toColumns } from '../../src/core/candle.js';
import type { GuardStatus, ResumeAnswer } from '../../src/guard/status.js';
import type { PermitReading } from '../../src/ports/guard.js';
import { ExchangeSimulator, type Interceptor, simulatedClock } from '../../src/simulator/index.js';
import { pressTwice } from '../support/press-twice.js';
import { setNice } from './nice.js';

/** Compiled, this file lies elsewhere. */
const root =
  process.env.REDBUTTON_ROOT ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const SYMBOL = 'BTC/USDT';
const KEY = { apiKey: 'box-key', secret: 'box-secret' };
const clock = createSystemClock();
/** A process that loads ccxt, DuckDB and ONNX Runtime on a busy machine, or an emulated one. */
const [START_MS_MAX, START_EMULATED_MS_MAX] = [120_000, 400_000];
const [GUARD_NICE, STARTING_NICER] = [-10, 2];

/** A request as it reached the exchange. `atMs` is monotonic. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly clientOrderId: string | null;
  readonly atMs: number;
}

export interface Child {
  readonly process: ChildProcess;
  output(): string;
  ended(): boolean;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** A whole box in mode live on this machine: guard and trader as true processes, the simulator as exchange. */
export interface LiveBox {
  readonly simulator: ExchangeSimulator;
  readonly arrivals: Arrival[];
  guard: Child;
  trader: Child;
  /** The guard's record of being armed. */
  readonly recordFile: string;
  /** What is gone after a power cut: until then it remembers a halt, whatever became of the record. */
  readonly permitFile: string;
  readonly controlSocket: string;
  /** Where the trader writes down its orders before they leave. */
  readonly journalFile: string;
  /** Starts the guard, as another user where one is named: its files are then that user's. */
  startGuard(uid?: number): Promise<void>;
  startTrader(): Promise<void>;
  status(): Promise<GuardStatus>;
  permit(): PermitReading;
  /** Moves the simulated contact; resolves when the guard has answered. */
  button(pressed: boolean): Promise<void>;
  /** Asks for the window alone. */
  resume(): Promise<ResumeAnswer>;
  /** Opens the window and arms by hand; resolves when the permit says ACTIVE. A trader that ended is started again, as its unit does. */
  arm(): Promise<void>;
  /** Places `count` resting orders with the box's prefix, as from an earlier time. */
  placeOrders(count: number): Promise<void>;
  /** Orders that rest at the exchange. */
  resting(): readonly string[];
  intercept(interceptor: Interceptor | undefined): void;
  until(what: string, isSo: () => boolean | Promise<boolean>, forMs?: number): Promise<void>;
  nowMs(): number;
  dispose(): Promise<void>;
}

const BAR_MS = 1_000;
const START_MS = Date.UTC(2024, 0, 1);

/** A market that swings every six bars, so that a model sees it coming and the box goes in and out without end. */
function swing(count: number): Candle[] {
  const price = (i: number) => Math.round((40_000 + 300 * Math.sin(i) + 30 * Math.sin(i / 11)) * 100) / 100;
  return Array.from({ length: count }, (_, i) => {
    const open = price(i);
    const close = price(i + 1);
    return {
      openMs: START_MS + i * BAR_MS,
      open,
      high: Math.max(open, close) + 5,
      low: Math.min(open, close) - 5,
      close,
      volume: 10 + (i % 13) / 8,
    };
  });
}

/** Makes a process whose event loop can be hung for good: the product's own code is not touched by it. */
const SPINS_ON_SIGUSR2 = ['--import', 'data:text/javascript,process.on("SIGUSR2",()=>{for(;;);})'];

/** Builds dist/, which is what the processes run, and trains a model of the swinging market with it. */
export function buildBox(): { readonly modelDir: string; remove(): void } {
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: [...stdio] });
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-model-'));
  const candles = path.join(dir, 'swing.csv');
  const rows = swing(1500).map(({ openMs, open, high, low, close, volume }) =>
    [openMs, open, high, low, close, volume].join(','),
  );
  writeFileSync(candles, ['timestamp_ms,open,high,low,close,volume', ...rows, ''].join('\n'));
  const modelDir = path.join(dir, 'model');
  const args = ['train', '--candles', candles, '--out', modelDir, '--symbol', SYMBOL, '--trees', '30'];
  execFileSync(process.execPath, [path.join(root, 'dist/main.js'), ...args], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  return { modelDir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface BoxFront {
  readonly restUrl: string;
  readonly env?: Readonly<Record<string, string>>;
  /** JavaScript that each process runs first. */
  readonly first?: string;
}

export interface LiveBoxOptions {
  readonly modelDir: string;
  readonly onHalt?: 'hold' | 'flatten';
  readonly haltScope?: 'ours' | 'account';
  /** No trader, and so nothing at an exchange to care for: the guard as on paper. */
  readonly guardOnly?: boolean;
  /** A broker for both processes, which lets anybody in. */
  readonly mqttUrl?: string;
  /** What stands before the exchange for the box, and how its processes are to reach that. */
  readonly front?: (exchangeUrl: string) => Promise<BoxFront>;
  /** Each process is as nice as its unit has it, and a trader that starts is nicer: others are measured beside. */
  readonly asUnits?: boolean;
  /** Lines of a kernel in place of simulated ones, and the hand that moves the contact there. */
  readonly lines?: { readonly backend: 'onoff' | 'chardev'; move(pressed: boolean): void };
  /** Called after each bar that the market has completed: what happens to the market next. */
  readonly onStep?: (simulator: ExchangeSimulator) => void;
}

/** Starts simulator, guard and trader, and steps the market until `dispose`. */
export async function startLiveBox({
  modelDir,
  lines,
  guardOnly = false,
  asUnits = false,
  mqttUrl,
  front: frontOf,
  onStep,
  ...guard
}: LiveBoxOptions): Promise<LiveBox> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-live-'));
  const device = { name: 'box', stateDir: path.join(dir, 'state'), runDir: path.join(dir, 'run') };
  const paths = pathsOf(device);
  mkdirSync(device.runDir);
  const simulator = new ExchangeSimulator({
    markets: [{ symbol: SYMBOL, timeframe: '1s', candles: toColumns(swing(20_000)), priceTick: '0.01' }],
    startIndex: 400,
    accounts: [{ ...KEY, balances: { USDT: '100000', BTC: '0' } }],
  });
  await simulator.start();
  const arrivals: Arrival[] = [];
  let fault: Interceptor | undefined;
  simulator.interceptor = (call) => {
    const { method, path: at, params } = call;
    const clientOrderId = params.get('newClientOrderId');
    arrivals.push({ method, path: at, clientOrderId, atMs: clock.monotonicMs() });
    return fault?.(call);
  };
  const front = await frontOf?.(simulator.restUrl);
  const file = path.join(dir, 'redbutton.toml');
  const exchange = {
    id: 'binance',
    symbols: [SYMBOL],
    restUrl: simulator.restUrl,
    wsUrl: simulator.wsUrl,
    simulatedTime: true,
    sandbox: true,
  };
  writeFileSync(
    file,
    stringify({
      mode: guardOnly ? 'paper' : 'live',
      timeframe: '1s',
      modelDir,
      device,
      exchange: [{ ...exchange, ...(front && { restUrl: front.restUrl }) }],
      signals: { confidenceThreshold: 0 },
      execution: { ordersPerMinuteMax: 1_000_000, quoteAgeMsMax: 60_000 },
      guard: { mode: 'process', ...guard },
      // On a simulated bank of a kernel a bias is the hand on the line itself, and would press the button.
      gpio: { backend: lines?.backend ?? 'simulated', bias: 'as-is' },
      ...(mqttUrl !== undefined && { mqtt: { url: mqttUrl } }),
      log: { level: 'warn' },
    }),
  );
  const env = {
    PATH: process.env.PATH,
    ...front?.env,
    REDBUTTON_BINANCE_API_KEY: KEY.apiKey,
    REDBUTTON_BINANCE_API_SECRET: KEY.secret,
    REDBUTTON_GUARD_BINANCE_API_KEY: KEY.apiKey,
    REDBUTTON_GUARD_BINANCE_API_SECRET: KEY.secret,
  };
  const children: Child[] = [];
  const start = (command: string, uid?: number): Child => {
    const first = front?.first === undefined ? [] : ['--import', `data:text/javascript,${front.first}`];
    const args = [...SPINS_ON_SIGUSR2, ...first, path.join(root, 'dist/main.js'), command, '--config', file];
    const child = spawn(process.execPath, args, {
      env,
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid !== undefined && { uid, gid: uid }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += String(chunk);
      });
    }
    const started: Child = {
      process: child,
      output: () => output,
      ended: () => child.exitCode !== null || child.signalCode !== null,
      async kill(signal = 'SIGKILL') {
        if (started.ended()) return;
        child.kill(signal);
        if (signal === 'SIGSTOP' || signal === 'SIGCONT' || signal === 'SIGUSR2') return;
        await once(child, 'exit');
      },
    };
    children.push(started);
    return started;
  };
  /** With real lines the guard is let go by itself first, since sysfs keeps the lines of one that is killed. */
  const end = async (child: Child) => {
    const patience = setTimeout(() => child.process.kill('SIGKILL'), 5_000);
    child.process.kill('SIGCONT');
    await child.kill(lines ? 'SIGTERM' : 'SIGKILL');
    clearTimeout(patience);
  };
  const startMsMax = lines ? START_EMULATED_MS_MAX : START_MS_MAX;
  const until: LiveBox['until'] = async (what, isSo, forMs = lines ? 240_000 : 20_000) => {
    const endMs = clock.monotonicMs() + forMs;
    while (!(await isSo())) {
      if (clock.monotonicMs() > endMs) {
        const said = children.map((child) => child.output().slice(-1500)).join('\n---\n');
        const status = await box.status().catch((error: unknown) => error);
        throw new Error(
          `waited ${forMs} ms in vain for ${what}; the guard is ${JSON.stringify(status)}, the processes said:\n${said}`,
        );
      }
      await delay(5);
    }
  };
  /** Emulated, a guard that loads its exchange's markets beside a trader that starts answers nobody for that long. */
  const answerMsMax = lines ? 120_000 : 10_000;
  const ask = async (method: 'GET' | 'POST', at: string, body?: unknown) =>
    (await callControl(paths.guardSocket, 'the guard', method, at, body, answerMsMax)).body as GuardStatus;
  const permitReader = createPermitReader(paths.permit, clock);
  const hand = await createExchange(
    configSchema.shape.exchange.element.parse(exchange),
    simulatedClock(simulator),
    KEY,
  );
  await hand.api.loadMarkets();
  let placed = 0;
  let starting = Promise.resolve();
  const traderIsThere = async (pid: number) => {
    if (asUnits) setNice(pid, getPriority() + STARTING_NICER);
    await until('the trader', async () => (await box.status()).trader.present, startMsMax);
    if (asUnits) setNice(pid, getPriority());
  };
  let stepping = true;
  const steps = (async () => {
    while (stepping) {
      // Twice as fast as the bars' own time: what follows the market's clock is never a second behind it.
      await delay(500);
      if (!stepping) break;
      await simulator.step();
      onStep?.(simulator);
    }
  })();

  const box: LiveBox = {
    simulator,
    arrivals,
    guard: null as unknown as Child,
    trader: null as unknown as Child,
    recordFile: paths.armedRecord,
    permitFile: paths.permit,
    controlSocket: paths.guardSocket,
    journalFile: pathsOf(device, 'testnet').journal,
    async startGuard(uid) {
      if (uid !== undefined) {
        chmodSync(dir, 0o755);
        execFileSync('chown', ['-R', `${uid}:${uid}`, device.runDir, path.dirname(paths.armedRecord)]);
      }
      box.guard = start('guard', uid);
      await until('the guard', () => box.guard.output().includes('"ready"'), startMsMax);
      if (asUnits) setNice(box.guard.process.pid!, GUARD_NICE);
    },
    startTrader() {
      box.trader = start('run');
      starting = traderIsThere(box.trader.process.pid!);
      return starting;
    },
    status: () => ask('GET', '/status'),
    permit: () => permitReader.read(),
    async button(pressed) {
      if (lines) lines.move(pressed);
      else await ask('POST', '/sim/button', { pressed });
    },
    resume: async () =>
      (await callControl(paths.guardSocket, 'the guard', 'POST', '/resume')).body as ResumeAnswer,
    async arm() {
      await until('a released contact', async () => (await box.status()).contact === 'released');
      await ask('POST', '/resume');
      await pressTwice(box.button, async () => (await box.status()).contact);
      await starting;
      await until(guardOnly ? 'a permit' : 'ACTIVE', async () => {
        if (!guardOnly && box.trader.ended()) await box.startTrader();
        const reading = box.permit();
        return reading.ok && (guardOnly || reading.state === 'ACTIVE');
      });
    },
    async placeOrders(count) {
      await Promise.all(
        Array.from({ length: count }, () =>
          hand.api.createOrder(SYMBOL, 'limit', 'buy', '0.001', '20000', {
            clientOrderId: `rb-box-test${placed++}`,
          }),
        ),
      );
    },
    resting: () =>
      [...simulator.exchange.accounts].flatMap(([, { engine }]) =>
        engine.resting.map(({ clientOrderId }) => clientOrderId),
      ),
    intercept(interceptor) {
      fault = interceptor;
    },
    until,
    nowMs: () => clock.monotonicMs(),
    async dispose() {
      stepping = false;
      await steps;
      for (const child of [...children].reverse()) await end(child);
      await simulator.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await box.startGuard();
    if (!guardOnly) await box.startTrader();
  } catch (error) {
    // Nobody has the box yet who could end its processes.
    await box.dispose();
    throw error;
  }
  return box;
}
