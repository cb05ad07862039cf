import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { CommandIo } from '../../console/io.js';
import { startProgress } from '../../console/terminal.js';
import type { CandleColumns } from '../../core/candle.js';
import { badInput, EXIT, messageOf } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { loadCandles, mustHaveCandles } from '../../research/candles/load-candles.js';
import { ExchangeSimulator, type FaultSettings, faultsOfSeed, readFaults } from '../../simulator/index.js';
import { type Command, parseOptions, required } from '../command.js';

const NAME = 'simulate-exchange';

const HELP = `redbutton simulate-exchange: an exchange on this machine that replays candles

  redbutton simulate-exchange --candles FILE.csv --symbol BTC/USDT
                              --timeframe 1h [options]

It speaks Binance spot over HTTP and WebSocket on 127.0.0.1, so that ccxt's
"binance" (or anything else that can be pointed at an address) trades against
it. Bars that the file does not hold stay absent.

  --candles FILE     candles as CSV, gzip accepted
  --symbol SYMBOL    as in BTC/USDT
  --timeframe TF     of the file's rows, as in 1m, 1h, 1d
  --port N           port to listen on                    [a free one]
  --speed BARS       bars per second; 0 waits for steps   [1]
  --from INDEX       bars that are history from the start [100]
  --half-spread BPS  half of the book's spread            [1]
  --api-key KEY      key of the one account               [simulated]
  --balances LIST    as in USDT=100000,BTC=0              [100000 of the quote]
  --weight-limit N   request weight in a minute (Binance: 6000) [no limit]
  --faults PLAN      what goes wrong: a seed, or a JSON file    [nothing]

The account's secret is read from REDBUTTON_SIMULATOR_SECRET ("simulated" when
unset). While it runs: POST /sim/step completes the next bar, GET /sim/ledger
shows orders, trades, transfers and balances as they truly are. GET, POST
/sim/faults show and set the faults, POST /sim/heal ends them; POST
/sim/transfer, /sim/clock, /sim/maintenance and /sim/ban do what they say.
docs/simulator.md tells more. It ends with SIGINT.

${CANDLE_FILE_HELP}`;

export const command: Command = {
  name: NAME,
  summary: 'replay candles as an exchange on this machine',
  help: HELP,
  run,
};

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseOptions(NAME, args, {
    candles: { type: 'string' },
    symbol: { type: 'string' },
    timeframe: { type: 'string' },
    port: { type: 'string' },
    speed: { type: 'string' },
    from: { type: 'string' },
    'half-spread': { type: 'string' },
    'api-key': { type: 'string' },
    balances: { type: 'string' },
    'weight-limit': { type: 'string' },
    faults: { type: 'string' },
  });
  const path = required(NAME, 'candles', values.candles);
  const symbol = required(NAME, 'symbol', values.symbol);
  const timeframe = required(NAME, 'timeframe', values.timeframe);
  const barMs = timeframeMs(timeframe);
  const port = number('port', values.port, 0, 65_535);
  const speed = number('speed', values.speed, 1, 1_000_000);
  const weightLimit = number('weight-limit', values['weight-limit'], 0, 1_000_000_000);
  const quote = symbol.split('/')[1] ?? '';
  const simulator = new ExchangeSimulator({
    markets: [{ symbol, timeframe, candles: await cleanCandles(path, barMs, io) }],
    startIndex: number('from', values.from, 100, Number.MAX_SAFE_INTEGER),
    port,
    ...(weightLimit > 0 && { limits: { weightPerMinute: weightLimit } }),
    faults: values.faults === undefined ? undefined : await faultPlan(values.faults),
    book: { halfSpreadBps: number('half-spread', values['half-spread'], 1, 1000) },
    accounts: [
      {
        apiKey: values['api-key'] ?? 'simulated',
        secret: io.env.REDBUTTON_SIMULATOR_SECRET ?? 'simulated',
        balances: values.balances === undefined ? { [quote]: '100000' } : parseBalances(values.balances),
      },
    ],
  });
  await simulator.start();
  try {
    io.stdout.write(`exchange simulator: restUrl ${simulator.restUrl}  wsUrl ${simulator.wsUrl}\n`);
    if (speed > 0) await play(simulator, speed, io);
    await aborted(io.signal);
  } finally {
    await simulator.stop();
  }
  return EXIT.fine;
}

/** A seed stands for faults of every kind; everything else names a file. */
async function faultPlan(given: string): Promise<FaultSettings> {
  if (/^\d{1,15}$/.test(given)) return faultsOfSeed(Number(given));
  try {
    return readFaults(JSON.parse(await readFile(given, 'utf8')));
  } catch (error) {
    throw badInput(
      'E_SIM_FAULTS',
      `${NAME}: --faults ${given}: ${messageOf(error)}`,
      'give a seed, or a JSON file as in docs/simulator.md',
      error,
    );
  }
}

/** What validation refuses cannot be replayed: an exchange does not print it. How many rows that were is told. */
async function cleanCandles(path: string, barMs: number, io: CommandIo): Promise<CandleColumns> {
  const loaded = await loadCandles(path, { rules: 'strict', nowMs: Date.now(), timeframeMs: barMs });
  mustHaveCandles(loaded, 'strict');
  if (loaded.rejected.length > 0) {
    io.stderr.write(`${path}: ${loaded.rejected.length} rows do not pass validation and are left out\n`);
  }
  return loaded.candles;
}

async function play(simulator: ExchangeSimulator, speed: number, io: CommandIo): Promise<void> {
  const { replay } = simulator.venue;
  const first = replay.position;
  const progress = startProgress(io.stderr, 'replay', replay.length - first, 'bars', () => performance.now());
  await simulator.play(speed, io.signal, (position) => progress.update(position - first));
  if (!simulator.done) return;
  progress.finish();
  io.stdout.write('the last candle is complete; the market stands still until SIGINT\n');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function number(name: string, given: string | undefined, fallback: number, max: number): number {
  if (given === undefined) return fallback;
  const value = Number(given);
  const whole = name === 'port' || name === 'from';
  if (given.trim() === '' || !(value >= 0 && value <= max) || (whole && !Number.isInteger(value))) {
    throw badInput(
      'E_USAGE',
      `${NAME}: --${name} ${given} is not ${whole ? 'a whole number' : 'a number'} of 0 to ${max}`,
      `see redbutton ${NAME} --help`,
    );
  }
  return value;
}

function parseBalances(text: string): Record<string, string> {
  const balances: Record<string, string> = {};
  for (const part of text.split(',')) {
    const match = /^([A-Z0-9]{1,20})=(\d{1,15}(?:\.\d{1,18})?)$/.exec(part.trim());
    if (!match) {
      throw badInput(
        'E_USAGE',
        `${NAME}: --balances has "${part}", expected ASSET=AMOUNT`,
        'write it as in USDT=100000,BTC=0.5',
      );
    }
    balances[match[1]!] = match[2]!;
  }
  return balances;
}
