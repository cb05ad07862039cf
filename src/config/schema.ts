import { z } from 'zod';
import { isSymbol, SYMBOL_EXPECTED } from '../core/symbol.js';
import { address } from './addresses.js';
import { alerts, mqtt, ntfy } from './alert-sections.js';
import { modelHealth, retraining } from './model-sections.js';
import { storage } from './storage-section.js';
import { liveAcknowledgement, risk, signals } from './trading-sections.js';

/**
 * The whole configuration: one schema, each default in one place. Secrets are not here: see credentials.ts.
 * Names end with their unit (`ageMsMax`); fractions are of 1 unless named Pct.
 */

const fraction = z.number().min(0).max(1);
const positiveMs = z.number().int().positive();

const device = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?$/,
        'expected 1 to 16 characters of a-z, 0-9 and inner hyphens',
      )
      .default('redbutton')
      .describe('Names the box in topics, client order ids and alerts.'),
    stateDir: z
      .string()
      .default('/var/lib/redbutton')
      .describe('Where what must survive is kept: database, money log, models, the armed record.'),
    runDir: z.string().default('/run/redbutton').describe('Where sockets and the permit live; on tmpfs.'),
  })
  .prefault({});

const NO_EXCHANGE = 'expected at least one table [[exchange]] with symbols = ["BTC/USDT"]';
const NO_SYMBOLS = 'expected at least one symbol, as in ["BTC/USDT"]';

const exchange = z.strictObject({
  id: z.string().min(1).default('binance').describe('ccxt id.'),
  symbols: z
    .array(z.string().refine(isSymbol, SYMBOL_EXPECTED), NO_SYMBOLS)
    .min(1, NO_SYMBOLS)
    .describe('What is traded, in ccxt form, as in "BTC/USDT".'),
  calendar: z
    .enum(['24x7', 'weekdays'])
    .default('24x7')
    .describe('Days the market trades: always, or Monday to Friday.'),
  restUrl: address({
    schemes: ['http', 'https'],
    expected: 'expected http://host:port or https://host:port, without user or password',
    path: true,
  })
    .optional()
    .describe(
      "Base addresses in place of the exchange's own (the simulator, a proxy). Loopback only, unless `sandbox`.",
    ),
  wsUrl: address({
    schemes: ['ws', 'wss'],
    expected: 'expected ws://host:port or wss://host:port, without user or password',
    path: true,
  })
    .optional()
    .describe('The same for streams.'),
  hostname: z
    .string()
    .regex(/^[a-z0-9.-]{1,253}$/, 'expected the name of a host')
    .optional()
    .describe(
      'Host of the region that your account is in, where the exchange has several; only those that the box knows of it.',
    ),
  sandbox: z.boolean().default(false).describe("Use the exchange's own test network."),
  simulatedTime: z
    .boolean()
    .default(false)
    .describe(
      'The exchange at `restUrl` is a simulator with a clock of its own, which the box is to follow.',
    ),
});

const execution = z
  .strictObject({
    paperSlippageBps: z
      .number()
      .min(0)
      .max(1000)
      .default(5)
      .describe('Distance of the paper fill from the close, where no book is known.'),
    paperSlippage: z
      .enum(['fixed', 'fitted'])
      .default('fixed')
      .describe(
        "`fitted`: paper fills are as much worse than close and book as the box's own live fills of the symbol were, from 30 of them on; before that, as `fixed`.",
      ),
    paperStartCash: z
      .number()
      .positive()
      .default(100_000)
      .describe('Cash of a paper account before its first fill, in quote units.'),
    takerFeeRate: fraction.default(0.001).describe('Fee of a paper fill, as a fraction of its value.'),
    triesMax: z
      .number()
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe('How often an order that was surely not placed is tried.'),
    backoffMs: z
      .array(positiveMs)
      .min(1)
      .default([1000, 2000, 4000])
      .describe('Wait before try 2, 3, …; the last repeats.'),
    orderType: z
      .enum(['limit_ioc', 'market'])
      .default('limit_ioc')
      .describe(
        'Type of a live order: `limit_ioc` has a limit price, and the exchange cancels what does not fill immediately; `market` fills at any price.',
      ),
    limitCollarFraction: z
      .number()
      .min(0)
      .max(0.1)
      .default(0.002)
      .describe('How much worse than the quote such a limit is, as a fraction of the price.'),
    routing: z
      .enum(['own', 'best'])
      .default('own')
      .describe(
        "Where entries go: to the exchange of the stream that decides, or to the best net price among the box's exchanges that list the symbol. Positions are closed where they are.",
      ),
    notionalMaxFraction: fraction
      .default(0.25)
      .describe(
        "The gate's own limit of an entry, as a fraction of equity. An order that only closes is held to none of these four, but to 30 a minute and symbol, and to half the price.",
      ),
    priceCollarFraction: fraction
      .default(0.05)
      .describe('The gate denies an entry at a price further than this from the last close.'),
    ordersPerMinuteMax: z
      .number()
      .int()
      .positive()
      .default(30)
      .describe('The gate denies more entries a minute.'),
    quoteAgeMsMax: positiveMs.default(5000).describe('The gate denies an entry on an older quote.'),
    reconcileMs: positiveMs
      .default(60_000)
      .describe('How often a live trader compares orders, fills and balances with the exchange.'),
    deadMansSwitchSeconds: z
      .number()
      .int()
      .refine((seconds) => seconds === 0 || (seconds >= 10 && seconds <= 120), 'expected 0, or 10 to 120')
      .default(60)
      .describe(
        "Time after which an exchange that has a dead man's switch cancels what rests there of a box that has died; 0 = off. Where the switch would cancel protective stops too it is left off.",
      ),
  })
  .prefault({});

const monitoring = z
  .strictObject({
    aucWindow: z
      .number()
      .int()
      .min(2)
      .max(100_000)
      .default(30)
      .describe('Resolved predictions over which the rolling AUC is taken.'),
    aucCritical: fraction.default(0.5).describe('A rolling AUC below this is critical.'),
    aucWarning: fraction.default(0.53).describe('A rolling AUC below this is a warning.'),
    psiRetrain: z
      .number()
      .positive()
      .default(0.25)
      .describe('A feature whose PSI is above this asks for retraining.'),
    psiWarning: z
      .number()
      .positive()
      .default(0.1)
      .describe('A feature whose PSI is above this is a warning.'),
    psiWindowRows: z
      .number()
      .int()
      .min(10)
      .max(100_000)
      .default(1000)
      .describe('Rows over which the PSI is taken.'),
    rule: z
      .enum(['point', 'significant'])
      .default('significant')
      .describe(
        'What is compared with the AUC limits: the figure itself, or the upper end of its 95 % interval.',
      ),
  })
  .prefault({});

const ingestion = z
  .strictObject({
    rules: z
      .enum(['strict', 'article'])
      .default('strict')
      .describe('Checks of a candle: strict, or those of the article the design follows.'),
    maxGapBars: z
      .number()
      .int()
      .min(0)
      .default(3)
      .describe('Bars of a gap inside the window above which entries are blocked.'),
    absurdJumpFraction: z
      .number()
      .positive()
      .optional()
      .describe(
        'A close further than this from the last believed one is quarantined unless the next bar confirms it; absent = off.',
      ),
    quarantineAlertRate: fraction
      .default(0.01)
      .describe('Share of quarantined rows above which an alert is raised.'),
    silenceMsMax: positiveMs
      .default(60_000)
      .describe('The feed counts as dead after this long without a message.'),
    backfillBars: z.number().int().min(20).default(200).describe('Bars of history fetched at the start.'),
  })
  .prefault({});

const clock = z
  .strictObject({
    check: z
      .enum(['timesync', 'chrony', 'none'])
      .default('timesync')
      .describe('Who says that the system clock is synchronised; no bar is taken and no order sent before.'),
    offsetMsMax: positiveMs.default(1000).describe("Largest offset to the exchange's clock, either way."),
  })
  .prefault({});

const guard = z
  .strictObject({
    mode: z.enum(['process', 'in-process']).default('process').describe('`in-process` is for paper only.'),
    permitPeriodMs: positiveMs.default(100).describe('How often the guard renews the permit.'),
    permitLifeMs: positiveMs
      .max(5000)
      .default(500)
      .describe('The reader believes no permit that reaches further ahead than 10 s.'),
    pollMs: positiveMs.default(10).describe('How often the button is read, in addition to its edges.'),
    releaseDebounceMs: positiveMs
      .default(50)
      .describe('How long the released contact must rest before it counts.'),
    resumeWindowMs: positiveMs
      .default(120_000)
      .describe('How long redbutton resume waits for the physical act.'),
    contact: z
      .enum(['nc', 'no'])
      .default('nc')
      .describe('How the button is wired: normally closed (a cut wire trips) or normally open.'),
    onHalt: z
      .enum(['hold', 'flatten'])
      .default('hold')
      .describe('What a halt does with positions: keep them, with their protective stops, or close them.'),
    haltScope: z
      .enum(['ours', 'account'])
      .default('ours')
      .describe(
        'Which open orders a halt cancels: those of this device (by its name in their ids), or all of the account.',
      ),
    secondRecord: z
      .string()
      .startsWith('/', 'expected a path that begins with /')
      .optional()
      .describe(
        'A file of 4096 bytes on a second file system, which the guard may write: there, too, it is recorded that the box is halted or armed.',
      ),
    secondContact: z
      .enum(['nc', 'no'])
      .default('nc')
      .describe('Of the second contact, where gpio.secondLine names one.'),
  })
  .prefault({});

const gpio = z
  .strictObject({
    backend: z
      .enum(['auto', 'onoff', 'chardev', 'simulated'])
      .default('auto')
      .describe('`auto`: sysfs (onoff) where the kernel has it, else its character device.'),
    chipLabels: z
      .array(z.string())
      .default(['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1'])
      .describe('Labels of the GPIO chips that are the header of a Raspberry Pi.'),
    bias: z
      .enum(['as-is', 'pull-up', 'pull-down', 'disabled'])
      .default('pull-up')
      .describe("What the character device holds inputs at; sysfs leaves it to the pin's own default."),
    debounceMs: z
      .number()
      .min(0)
      .max(10)
      .default(0)
      .describe("The kernel's debounce, of the character device only; a press is seen that much later."),
    buttonLine: z.number().int().min(0).max(53).default(5).describe('GPIO of the red button.'),
    secondLine: z
      .number()
      .int()
      .min(0)
      .max(53)
      .optional()
      .describe('A second contact of the button, on a line of its own.'),
    ledLine: z.number().int().min(0).max(53).default(17).describe('GPIO of the LED.'),
    resetLine: z
      .number()
      .int()
      .min(0)
      .max(53)
      .optional()
      .describe('GPIO of the reset button, if there is one.'),
  })
  .prefault({});

const metrics = z
  .strictObject({
    port: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe(
        'Port on 127.0.0.1 where a Prometheus on this machine may read `/metrics`; off when left out. Whoever can log in can read it.',
      ),
  })
  .prefault({});

const log = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('How much is logged.'),
  })
  .prefault({});

export const configSchema = z
  .strictObject({
    mode: z.enum(['paper', 'live']).default('paper').describe('Paper fills, or real orders.'),
    liveAcknowledgement,
    timeframe: z.string().default('1h').describe('Length of a bar, as in 1m, 15m, 4h, 1d.'),
    modelDir: z
      .string()
      .default('models/sp500-daily')
      .describe('Folder of the model: model.onnx and manifest.json.'),
    shadowModelDir: z
      .string()
      .optional()
      .describe(
        'Folder of a second model that is asked the same and recorded, and never traded; see `redbutton model shadow`.',
      ),
    device,
    exchange: z.array(exchange, NO_EXCHANGE).min(1, NO_EXCHANGE),
    ingestion,
    clock,
    storage,
    signals,
    risk,
    execution,
    monitoring,
    modelHealth,
    retraining,
    mqtt,
    alerts,
    ntfy,
    guard,
    gpio,
    metrics,
    log,
  })
  .superRefine((config, context) => {
    if (config.mode === 'live' && config.guard.mode === 'in-process') {
      context.addIssue({
        code: 'custom',
        path: ['guard', 'mode'],
        message: 'expected "process": live trading needs a guard of its own',
      });
    }
    if (config.mode === 'live' && new Set(config.exchange.map(({ sandbox }) => sandbox)).size > 1) {
      context.addIssue({
        code: 'custom',
        path: ['exchange'],
        message:
          "expected the same sandbox on every exchange: a test network's money and real money are no one account",
      });
    }
    if (config.monitoring.aucWarning < config.monitoring.aucCritical) {
      context.addIssue({
        code: 'custom',
        path: ['monitoring', 'aucWarning'],
        message: 'expected at least monitoring.aucCritical',
      });
    }
    for (const [section, first, second] of [
      ['mqtt', 'certFile', 'keyFile'],
      ['alerts', 'quietFrom', 'quietTo'],
    ] as const) {
      const values = config[section] as Readonly<Record<string, unknown>>;
      if ((values[first] === undefined) === (values[second] === undefined)) continue;
      const missing = values[first] === undefined ? first : second;
      context.addIssue({
        code: 'custom',
        path: [section, missing],
        message: `expected a value, since ${section}.${missing === first ? second : first} is set`,
      });
    }
    const seen = new Set<string>();
    config.exchange.forEach((entry, i) => {
      if (seen.has(entry.id))
        context.addIssue({
          code: 'custom',
          path: ['exchange', i, 'id'],
          message: `"${entry.id}" stands twice`,
        });
      seen.add(entry.id);
    });
  });

export type Config = z.infer<typeof configSchema>;
export type ExchangeConfig = Config['exchange'][number];
