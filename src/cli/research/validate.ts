import path from 'node:path';
import { badInput, EXIT } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { candleCsv, quarantineCsv } from '../../research/candles/csv-writer.js';
import { loadCandles, mustHaveCandles } from '../../research/candles/load-candles.js';
import { type Command, parseOptions, required } from '../command.js';
import { rowProgress, rulesOption, summaryJson, summaryTable, writeOutput } from './candle-input.js';

export const command: Command = {
  name: 'validate',
  summary: 'check a candle file, keep the good rows, put the bad ones aside',
  help: `Usage: redbutton validate IN.csv --out OUT.csv [OPTION ...]

Checks each row of a candle file and writes the good ones, sorted by time, each
time once. Refused rows are counted by reason.

  --out OUT.csv         where the good rows go; - is stdout
  --rules strict        (default) finite, closed by now, prices and volume above
                        zero, low <= open, close <= high; of copies of a time
                        the last good one is kept
  --rules article       the seed article's checks: the last copy of a time is
                        kept first, then low <= high and all above zero
  --quarantine Q.csv    where refused rows go: line, reason, the row itself
  --timeframe 1h        also refuse rows off this grid, and bars not yet closed
  --json                the summary as JSON

${CANDLE_FILE_HELP}`,

  async run(args, io) {
    const { values, positionals } = parseOptions(
      'validate',
      args,
      {
        out: { type: 'string' },
        rules: { type: 'string', default: 'strict' },
        quarantine: { type: 'string' },
        timeframe: { type: 'string' },
        json: { type: 'boolean' },
      },
      ['IN.csv'],
    );
    const out = required('validate', 'out', values.out);
    const rules = rulesOption('validate', values.rules);
    if (values.quarantine !== undefined && path.resolve(values.quarantine) === path.resolve(out)) {
      throw badInput('E_USAGE', 'validate: --out and --quarantine name the same file', 'name two files');
    }
    const loaded = await loadCandles(positionals[0]!, {
      rules,
      nowMs: Date.now(),
      ...(values.timeframe === undefined ? {} : { timeframeMs: timeframeMs(values.timeframe) }),
    });

    // The quarantine goes first: rows that leave the output are on record before they are gone from it.
    if (values.quarantine !== undefined) {
      const rows = loaded.rejected.map(({ index, reason }) => ({
        line: loaded.file.line(index),
        reason,
        raw: loaded.file.raw(index),
      }));
      await writeOutput(io, values.quarantine, quarantineCsv(rows));
    }
    mustHaveCandles(loaded, rules);
    const progress = rowProgress(io, 'writing', loaded.candles.length);
    await writeOutput(io, out, candleCsv(loaded.candles, progress.onRows));
    progress.finish();

    const summary = values.json ? `${JSON.stringify(summaryJson(loaded))}\n` : summaryTable(loaded, []);
    (out === '-' ? io.stderr : io.stdout).write(summary);
    return EXIT.fine;
  },
};
