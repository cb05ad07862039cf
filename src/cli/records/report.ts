import { defineCommand } from '../../console/command.js';
import { symbol } from '../../console/option-values.js';
import { packageVersion } from '../../console/package-version.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import { figureRows } from '../../research/report/figure-rows.js';
import { studyStoredRun } from '../../research/studies/stored-run.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

export const command = defineCommand({
  name: 'report',
  summary: 'write a page about what the box has done',
  about: `Reads what the box has stored (bars, decisions, orders, fills, halts), writes a
report of it as one self-contained HTML page, and prints the figures. While the
trader runs it makes the copy that is read.`,
  options: {
    config: CONFIG_OPTION,
    store: {
      value: 'FILE',
      help: 'another database than that of the settings',
      completes: 'file',
    },
    symbol: {
      value: 'SYMBOL',
      read: symbol,
      help: 'of several symbols, one to report on',
      many: true,
      otherwise: 'all',
    },
    out: {
      value: 'FILE.html',
      help: 'where the page goes',
      default: 'redbutton-report.html',
      completes: 'file',
    },
    json: { help: 'the figures as JSON' },
  },
  async run(values, io) {
    const report = await studyStoredRun({
      config: configFrom(values.config),
      store: values.store,
      symbols: values.symbol,
      reportFile: values.out,
      code: `redbutton ${packageVersion()}`,
    });
    const bars = report.account.atMs.length;
    const { metrics, benchmark, denials, notes } = report;
    if (values.json) {
      io.stdout.write(
        `${JSON.stringify({ bars, metrics, benchmark, refusals: denials, notes, report: values.out })}\n`,
      );
    } else {
      io.stdout.write(table([['bars', String(bars), ''], ...figureRows(metrics, benchmark)], [1, 2]));
      for (const note of notes) io.stdout.write(`\n${note}\n`);
      io.stdout.write(`\nreport: ${values.out}\n`);
    }
    return EXIT.fine;
  },
});
