import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { type ValuePlace, wrongUsage } from '../../console/option-table.js';
import { number, symbol, whole } from '../../console/option-values.js';
import { startProgress } from '../../console/progress.js';
import type { CandleColumns } from '../../core/candle.js';
import { badInput, EXIT, messageOf } from '../../core/errors.js';
import { currenciesOf } from '../../core/symbol.js';
import { timeframeMs } from '../../core/timeframe.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { judgementOf, loadCandles, mustHaveCandles } from '../../research/candles/load-candles.js';
import {
  DIALECTS,
  type DialectId,
  ExchangeSimulator,
  type FaultSettings,
  faultsOfSeed,
  readFaults,
} from '../../simulator/index.js';
import { ALLOW_QUARANTINED, candlesText } from './candle-input.js';

const NAME = 'simulate-exchange';

export const command = defineCommand({
  name: NAME,
  summary: 'replay candles as an exchange on this machine',
  about: `It speaks Binance spot, or another exchange's dialect, over HTTP and WebSocket
on 127.0.0.1, so that ccxt's class of that exchange (or anything else that can
be pointed at an address) trades against it. Bars that the file does not hold stay absent.`,
  options: {
    candles: { value: 'FILE', help: 'the candles, see below', required: true, completes: 'file' },
    symbol: { value: 'SYMBOL', help: 'what they are of, as in BTC/USDT', required: true, read: symbol },
    timeframe: { value: 'TF', help: "of the file's rows, as in 1m, 1h, 1d", required: true },
    dialect: {
      choices: Object.keys(DIALECTS) as DialectId[],
      help: 'the exchange that it stands in for',
      default: 'binance',
    },
    port: { value: 'N', help: 'port to listen on', otherwise: 'a free one', read: whole(0, 65_535) },
    speed: {
      value: 'BARS',
      help: 'bars per second; 0 waits for steps',
      default: '1',
      read: number(0, 1_000_000),
    },
    from: {
      value: 'INDEX',
      help: 'bars that are history from the start',
      default: '100',
      read: whole(0, Number.MAX_SAFE_INTEGER),
    },
    'half-spread': {
      value: 'BPS',
      help: "half of the book's spread",
      default: '1',
      read: number(0, 1000),
    },
    'api-key': { value: 'KEY', help: 'key of the one account', default: 'simulated' },
    balances: {
      value: 'LIST',
      help: 'as in USDT=100000,BTC=0',
      otherwise: '100000 of the quote',
      read: balancesOf,
    },
    'allow-quarantined': ALLOW_QUARANTINED,
    'weight-limit': {
      value: 'N',
      help: 'request weight in a minute (Binance: 6000)',
      otherwise: 'no limit',
      read: number(0, 1_000_000_000),
    },
    tier: {
      choices: ['starter', 'intermediate', 'pro'] as const,
      help: "Kraken's limits for such an account",
      otherwise: 'no limit',
    },
    faults: {
      value: 'PLAN',
      help: 'what goes wrong: a seed, or a JSON file',
      otherwise: 'nothing',
      completes: 'file',
    },
  },
  more: `The account's secret is read from REDBUTTON_SIMULATOR_SECRET (when
unset "simulated", for Kraken in base64: c2ltdWxhdGVk). While it runs: POST /sim/step completes the next bar, GET /sim/ledger
shows orders, trades, transfers and balances as they truly are. GET, POST
/sim/faults show and set the faults, POST /sim/heal ends them; POST
/sim/transfer, /sim/clock, /sim/maintenance and /sim/ban do what they say.
docs/simulator.md explains them. It ends with SIGINT.

${CANDLE_FILE_HELP}`,
  async run(values, io) {
    const { symbol, timeframe, speed, balances, dialect, tier, 'weight-limit': weightLimit = 0 } = values;
    const barMs = timeframeMs(timeframe);
    const { quote } = currenciesOf(symbol);
    const simulator = new ExchangeSimulator({
      dialect,
      markets: [
        {
          symbol,
          timeframe,
          candles: await cleanCandles(values.candles, barMs, io, values['allow-quarantined']),
        },
      ],
      startIndex: values.from,
      port: values.port ?? 0,
      limits: { ...(weightLimit > 0 && { weightPerMinute: weightLimit }), ...(tier && { tier }) },
      faults: values.faults === undefined ? undefined : await faultPlan(values.faults),
      book: { halfSpreadBps: values['half-spread'] },
      accounts: [
        {
          apiKey: values['api-key'],
          secret: io.env.REDBUTTON_SIMULATOR_SECRET ?? DIALECTS[dialect].secretDefault,
          balances: balances ?? { [quote]: '100000' },
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
  },
});

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
async function cleanCandles(
  path: string,
  barMs: number,
  io: CommandIo,
  allowQuarantined: boolean,
): Promise<CandleColumns> {
  const loaded = await loadCandles(path, { rules: 'strict', nowMs: Date.now(), timeframeMs: barMs });
  await mustHaveCandles(loaded, 'strict', allowQuarantined);
  const judged = judgementOf(loaded);
  if (judged.quarantined > 0 || judged.notes.length > 0) io.stderr.write(candlesText([judged]));
  return loaded.candles;
}

async function play(simulator: ExchangeSimulator, speed: number, io: CommandIo): Promise<void> {
  const { replay } = simulator.exchange;
  const first = replay.position;
  const progress = startProgress(io.stderr, 'replay', replay.length - first, 'bars', () => performance.now());
  await simulator.play(speed, io.signal, (position) => progress.update(position - first));
  if (!simulator.done) return;
  progress.finish();
  io.stdout.write('the last candle is complete; the market stays as it is until SIGINT\n');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function balancesOf(text: string, { command, name }: ValuePlace): Record<string, string> {
  const balances: Record<string, string> = {};
  for (const part of text.split(',')) {
    const match = /^([A-Z0-9]{1,20})=(\d{1,15}(?:\.\d{1,18})?)$/.exec(part.trim());
    if (!match) {
      throw wrongUsage(
        command,
        `${name} has "${part}", expected ASSET=AMOUNT`,
        'write it as in USDT=100000,BTC=0.5',
      );
    }
    balances[match[1]!] = match[2]!;
  }
  return balances;
}
