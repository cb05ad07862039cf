import { loadClassifier } from '../../adapters/onnx/classifier.js';
import { loadConfig } from '../../config/load.js';
import { startProgress } from '../../console/terminal.js';
import type { CandleColumns } from '../../core/candle.js';
import { badInput, EXIT } from '../../core/errors.js';
import { biasText, checkLookahead, checkRecursive, type Decide } from '../../research/backtest/bias-check.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { backtestOf, defaultConfig, loadTradable } from '../../research/studies/backtest-run.js';
import { type Command, parseOptions, required } from '../command.js';
import { wholeNumber } from '../whole-number.js';

const SHOWN_MAX = 20;
const SEED = 1;

export const command: Command = {
  name: 'check',
  summary: 'show that decisions know neither the future nor their past',
  help: `Usage: redbutton check lookahead|recursive --candles FILE --model DIR [OPTION ...]

lookahead   At several places the future of the candles is cut off, changed and
            shuffled; every feature, probability, signal and risk decision before
            that place must stay as it was, bit for bit.
recursive   More and more history is put before the same bars; their features
            and probabilities must stay as they were, bit for bit.

  --config FILE   settings; all defaults without it
  --bars N        candles of the file's end in use (4000)
  --runs N        places, or lengths of history (5)
  --json          what was found as JSON

Exit codes: 0 nothing moved; 1 something did, or failed; 2 bad input.

${CANDLE_FILE_HELP}`,
  async run(args, io) {
    const { values, positionals } = parseOptions(
      'check',
      args,
      {
        candles: { type: 'string' },
        model: { type: 'string' },
        config: { type: 'string' },
        bars: { type: 'string', default: '4000' },
        runs: { type: 'string', default: '5' },
        json: { type: 'boolean' },
      },
      ['lookahead|recursive'],
    );
    const [what] = positionals as readonly [string];
    if (what !== 'lookahead' && what !== 'recursive') {
      throw badInput('E_USAGE', `check: there is no "check ${what}"`, 'see redbutton check --help');
    }
    const bars = wholeNumber('check', 'bars', values.bars, 200, 10_000_000);
    const runs = wholeNumber('check', 'runs', values.runs, 1, 1000);
    const config = values.config === undefined ? defaultConfig() : loadConfig(values.config);
    const venue = config.exchange[0]!;
    const classifier = await loadClassifier(required('check', 'model', values.model));
    try {
      const tradable = await loadTradable(
        required('check', 'candles', values.candles),
        { exchange: venue.id, symbol: venue.symbols[0]! },
        config.ingestion.rules,
      );
      const decide: Decide = async (candles) => {
        io.signal.throwIfAborted();
        const world = { ...tradable, loaded: { ...tradable.loaded, candles } };
        const { decisions } = await backtestOf({
          tradable: world,
          classifier,
          config,
          fillModel: { halfSpreadBps: config.execution.paperSlippageBps },
          keepDecisions: true,
          // Market rules are those of the whole file: a price tick is no knowledge of the future.
          rulesFrom: tradable.loaded.candles,
          onProgress: () => undefined,
        });
        return decisions;
      };
      const candles = lastOf(tradable.loaded.candles, bars);
      const progress = startProgress(io.stderr, what, what === 'lookahead' ? runs * 3 : runs, 'runs', () =>
        performance.now(),
      );
      const check =
        what === 'lookahead'
          ? await checkLookahead(decide, candles, runs, seeded(SEED), (done) => progress.update(done))
          : await checkRecursive(decide, candles, runs, (done) => progress.update(done));
      progress.finish();
      if (values.json) io.stdout.write(`${JSON.stringify(check)}\n`);
      else {
        io.stdout.write(
          `${what}: ${check.runs} runs, ${check.bars} bars compared, ${check.findings.length} differences\n`,
        );
        for (const one of check.findings.slice(0, SHOWN_MAX)) io.stdout.write(`  ${biasText(one)}\n`);
      }
      return check.findings.length > 0 ? EXIT.failed : EXIT.fine;
    } finally {
      await classifier.close();
    }
  },
};

function lastOf(candles: CandleColumns, bars: number): CandleColumns {
  const part = (values: Float64Array) => values.subarray(Math.max(0, candles.length - bars));
  return {
    length: Math.min(bars, candles.length),
    openMs: part(candles.openMs),
    open: part(candles.open),
    high: part(candles.high),
    low: part(candles.low),
    close: part(candles.close),
    volume: part(candles.volume),
  };
}

/** Equal calls change the future equally, so that a finding can be looked at again (mulberry32). */
function seeded(seed: number) {
  let state = seed;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
  };
}
