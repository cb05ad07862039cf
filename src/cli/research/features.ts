import { createFeatureKernel } from '../../adapters/native/features.js';
import { EXIT } from '../../core/errors.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { featureCsv } from '../../research/candles/csv-writer.js';
import { loadCandles, mustHaveCandles } from '../../research/candles/load-candles.js';
import { type Command, parseOptions, required } from '../command.js';
import { rowProgress, rulesOption, summaryJson, summaryTable, writeOutput } from './candle-input.js';

export const command: Command = {
  name: 'features',
  summary: 'compute the features of a candle file',
  help: `Usage: redbutton features IN.csv --out OUT.csv [OPTION ...]

Validates a candle file and writes each candle with its ten features (set v1),
17 significant digits. A row of which a feature has no value is left out.

  --out OUT.csv         - is stdout
  --rules strict|article    how rows are validated; see redbutton validate
  --json                the summary as JSON

${CANDLE_FILE_HELP}`,

  async run(args, io) {
    const { values, positionals } = parseOptions(
      'features',
      args,
      {
        out: { type: 'string' },
        rules: { type: 'string', default: 'strict' },
        json: { type: 'boolean' },
      },
      ['IN.csv'],
    );
    const out = required('features', 'out', values.out);
    const rules = rulesOption('features', values.rules);
    const loaded = await loadCandles(positionals[0]!, { rules, nowMs: Date.now() });
    mustHaveCandles(loaded, rules);

    const computed = createFeatureKernel().batch(loaded.candles);
    const rows = Uint32Array.from(computed.valid, (_, i) => i).filter((i) => computed.valid[i] === 1);
    const progress = rowProgress(io, 'writing', rows.length);
    await writeOutput(io, out, featureCsv(loaded.candles, computed.values, rows, progress.onRows));
    progress.finish();

    const summary = values.json
      ? `${JSON.stringify({ ...summaryJson(loaded), featureRows: rows.length })}\n`
      : summaryTable(loaded, [['feature rows', String(rows.length)]]);
    (out === '-' ? io.stderr : io.stdout).write(summary);
    return EXIT.fine;
  },
};
