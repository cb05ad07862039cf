import { loadClassifier } from '../../adapters/onnx/classifier.js';
import { loadConfig } from '../../config/load.js';
import { defineCommand } from '../../console/command.js';
import { whole } from '../../console/option-values.js';
import { startProgress } from '../../console/progress.js';
import type { CandleColumns } from '../../core/candle.js';
import { EXIT } from '../../core/errors.js';
import { biasText, checkLookahead, checkRecursive, type Decide } from '../../research/backtest/bias-check.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { backtestOf, defaultConfig, loadTradable } from '../../research/studies/backtest-run.js';
import { STUDY_CONFIG } from './study-config.js';

const SHOWN_MAX = 20;
const SEED = 1;

export const command = defineCommand({
  name: 'check',
  summary: 'show that decisions know neither the future nor their past',
  about: `lookahead   At several places the future of the candles is cut off, changed and
            shuffled; every feature, probability, signal and risk decision
            before that place must stay as it was, bit for bit.
recursive   More and more history is put before the same bars; their features
            and probabilities must stay as they were, bit for bit.`,
  operands: { what: { choices: ['lookahead', 'recursive'] } },
  options: {
    candles: { value: 'FILE', help: 'the candles, see below', required: true, completes: 'file' },
    model: { value: 'DIR', help: 'the model that decides', required: true, completes: 'folder' },
    config: STUDY_CONFIG,
    bars: {
      value: 'N',
      help: "candles of the file's end in use",
      default: '4000',
      read: whole(200, 10_000_000),
    },
    runs: {
      value: 'N',
      help: 'places, or lengths of history',
      default: '5',
      read: whole(1, 1000),
    },
    json: { help: 'what was found as JSON' },
  },
  more: `Exit codes: 0 nothing moved; 1 something did, or failed; 2 bad input.

${CANDLE_FILE_HELP}`,
  async run(values, io) {
    const { what, bars, runs } = values;
    const config = values.config === undefined ? defaultConfig() : loadConfig(values.config);
    const venue = config.exchange[0]!;
    const classifier = await loadClassifier(values.model);
    try {
      const tradable = await loadTradable(
        values.candles,
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
});

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
