import { defineCommand } from '../../console/command.js';
import { number, symbol } from '../../console/option-values.js';
import { packageVersion } from '../../console/package-version.js';
import { progressOf } from '../../console/progress.js';
import { EXIT } from '../../core/errors.js';
import { studyBacktest } from '../../research/studies/backtest.js';
import { BACKTEST_INPUT_HELP } from '../../research/studies/backtest-input.js';
import { backtestJson, backtestText } from './backtest-text.js';
import { ALLOW_QUARANTINED } from './candle-input.js';
import { FILL_OPTIONS, fillRequest } from './fill-options.js';
import { STUDY_CONFIG } from './study-config.js';

export const command = defineCommand({
  name: 'backtest',
  summary: 'run the pipeline over stored or downloaded candles',
  about: `Runs the very pipeline of the service over candles, with a paper broker that
fills at a price ± half the spread, and prints what came of it.`,
  options: {
    candles: {
      value: 'SOURCE',
      help: 'where the candles are, see below',
      required: true,
      many: true,
      completes: 'file',
    },
    model: { value: 'DIR', help: 'the model that decides', required: true, completes: 'folder' },
    symbol: {
      value: 'SYMBOL',
      read: symbol,
      help: 'what to trade, as in BTC/USDT',
      many: true,
      otherwise:
        "all that the sources hold; a file that does not say is of the first symbol of --config, else of the model's, else BTC/USDT",
    },
    timeframe: { value: 'TF', help: 'where a source holds several, as in 1m, 1h, 1d' },
    exchange: {
      value: 'ID',
      help: 'where they trade',
      otherwise: "that of --config, else the model's, else binance",
    },
    config: STUDY_CONFIG,
    threshold: {
      value: 'X',
      help: 'confidence threshold in place of the configured one',
      read: number(0, 1),
    },
    'allow-quarantined': ALLOW_QUARANTINED,
    ...FILL_OPTIONS,
    like: {
      value: 'STORE',
      help: 'repeat a stored run (redbutton.duckdb): its bars, with its halts; then compare each decision, bit for bit',
      completes: 'file',
    },
    report: {
      value: 'FILE.html',
      help: 'write a report, one self-contained page',
      completes: 'file',
    },
    json: { help: 'the figures as JSON' },
  },
  more: `Exit codes: 0 fine; 1 decisions differ from those of --like, or failed; 2 bad
input.

${BACKTEST_INPUT_HELP}`,
  async run(values, io) {
    const progress = progressOf(io.stderr, 'backtest', 'bars');
    const outcome = await studyBacktest({
      candles: values.candles,
      symbols: values.symbol,
      timeframe: values.timeframe,
      exchange: values.exchange,
      model: values.model,
      configFile: values.config,
      confidenceThreshold: values.threshold,
      fills: fillRequest(values),
      allowQuarantined: values['allow-quarantined'],
      like: values.like,
      reportFile: values.report,
      code: `redbutton ${packageVersion()}`,
      onProgress: progress.report,
      signal: io.signal,
    });
    progress.finish();
    io.stdout.write(values.json ? backtestJson(outcome) : backtestText(outcome, values.report));
    return outcome.differences !== null && outcome.differences.length > 0 ? EXIT.failed : EXIT.fine;
  },
});
