import { createFeatureKernel } from '../../adapters/native/features.js';
import { defineCommand } from '../../console/command.js';
import { EXIT } from '../../core/errors.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { featureCsv } from '../../research/candles/csv-writer.js';
import { loadCandles, mustHaveCandles } from '../../research/candles/load-candles.js';
import {
  ALLOW_QUARANTINED,
  RULES,
  rowProgress,
  summaryJson,
  summaryTable,
  writeOutput,
} from './candle-input.js';

export const command = defineCommand({
  name: 'features',
  summary: 'compute the features of a candle file',
  about: `Validates a candle file and writes each candle with its ten features (set v1),
17 significant digits. A row of which a feature has no value is left out.`,
  operands: { file: { value: 'IN.csv', completes: 'file' } },
  options: {
    out: { value: 'OUT.csv', help: 'where the rows go; - is stdout', required: true, completes: 'file' },
    rules: {
      choices: RULES,
      help: 'how rows are validated; see redbutton validate',
      default: 'strict',
    },
    'allow-quarantined': ALLOW_QUARANTINED,
    json: { help: 'the summary as JSON' },
  },
  more: CANDLE_FILE_HELP,
  async run(values, io) {
    const { out, rules } = values;
    const loaded = await loadCandles(values.file, { rules, nowMs: Date.now() });
    await mustHaveCandles(loaded, rules, values['allow-quarantined']);

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
});
