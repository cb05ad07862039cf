import { defineCommand } from '../../console/command.js';
import { whole } from '../../console/option-values.js';
import { progressOf } from '../../console/progress.js';
import { EXIT } from '../../core/errors.js';
import { biasText } from '../../research/backtest/bias-check.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { studyBias } from '../../research/studies/bias-check.js';
import { ALLOW_QUARANTINED, candlesJson, candlesText } from './candle-input.js';
import { STUDY_CONFIG } from './study-config.js';

const SHOWN_MAX = 20;

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
    'allow-quarantined': ALLOW_QUARANTINED,
    json: { help: 'what was found as JSON' },
  },
  more: `Exit codes: 0 nothing changed; 1 something did, or failed; 2 bad input.

${CANDLE_FILE_HELP}`,
  async run(values, io) {
    const { what } = values;
    const progress = progressOf(io.stderr, what, 'runs');
    const check = await studyBias({
      what,
      candles: values.candles,
      model: values.model,
      configFile: values.config,
      allowQuarantined: values['allow-quarantined'],
      bars: values.bars,
      runs: values.runs,
      onProgress: progress.report,
      signal: io.signal,
    });
    progress.finish();
    const { judgement, ...found } = check;
    if (values.json) io.stdout.write(`${JSON.stringify({ ...found, files: [candlesJson(judgement)] })}\n`);
    else {
      io.stdout.write(
        `${what}: ${check.runs} runs, ${check.bars} bars compared, ${check.findings.length} differences\n`,
      );
      for (const one of check.findings.slice(0, SHOWN_MAX)) io.stdout.write(`  ${biasText(one)}\n`);
      io.stdout.write(candlesText([judgement]));
    }
    return check.findings.length > 0 ? EXIT.failed : EXIT.fine;
  },
});
