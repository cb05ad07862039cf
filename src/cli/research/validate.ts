import path from 'node:path';
import { defineCommand } from '../../console/command.js';
import { wrongUsage } from '../../console/option-table.js';
import { EXIT } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { candleCsv, quarantineCsv } from '../../research/candles/csv-writer.js';
import { loadCandles, mustHaveCandles } from '../../research/candles/load-candles.js';
import { RULES, rowProgress, summaryJson, summaryTable, writeOutput } from './candle-input.js';

export const command = defineCommand({
  name: 'validate',
  summary: 'check a candle file and keep its good rows',
  about: `Checks each row of a candle file and writes the good ones, sorted by time, each
time once. Quarantined rows are counted by reason.`,
  operands: { file: { value: 'IN.csv', completes: 'file' } },
  options: {
    out: {
      value: 'OUT.csv',
      help: 'where the good rows go; - is stdout',
      required: true,
      completes: 'file',
    },
    rules: {
      choices: RULES,
      help: `strict: finite, closed by now, prices above zero, volume not below it, low <= open, close <= high; of copies of a time the last good one is kept
article: the seed article's checks: the last copy of a time is kept first, then low <= high and all above zero`,
      default: 'strict',
    },
    quarantine: {
      value: 'Q.csv',
      help: 'where quarantined rows go: line, reason, the row itself',
      completes: 'file',
    },
    timeframe: { value: 'TF', help: 'length of the bars, as in 1h', otherwise: 'their most frequent step' },
    json: { help: 'the summary as JSON' },
  },
  more: CANDLE_FILE_HELP,
  async run(values, io) {
    const { out, rules } = values;
    if (values.quarantine !== undefined && path.resolve(values.quarantine) === path.resolve(out)) {
      throw wrongUsage('validate', '--out and --quarantine name the same file', 'name two files');
    }
    const loaded = await loadCandles(values.file, {
      rules,
      nowMs: Date.now(),
      ...(values.timeframe === undefined ? {} : { timeframeMs: timeframeMs(values.timeframe) }),
    });

    // The quarantine goes first: rows that leave the output are on record before they are gone from it.
    if (values.quarantine !== undefined) {
      await writeOutput(io, values.quarantine, quarantineCsv(loaded));
    }
    if (loaded.candles.length === 0) await mustHaveCandles(loaded, rules);
    const progress = rowProgress(io, 'writing', loaded.candles.length);
    await writeOutput(io, out, candleCsv(loaded.candles, progress.onRows));
    progress.finish();

    const summary = values.json ? `${JSON.stringify(summaryJson(loaded))}\n` : summaryTable(loaded, []);
    (out === '-' ? io.stderr : io.stdout).write(summary);
    return EXIT.fine;
  },
});
