import { QUERY_ROWS_MAX } from '../../adapters/control-socket/store-routes.js';
import type { QueryAnswer } from '../../adapters/duckdb/index.js';
import { table } from '../../console/terminal.js';
import { badInput, EXIT } from '../../core/errors.js';
import { throughTraderOrFile } from '../../research/studies/store-access.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { type Command, parseOptions } from '../command.js';

export const command: Command = {
  name: 'query',
  summary: 'ask the database in SQL, read-only, while the box runs',
  help: `Usage: redbutton query SQL [OPTION ...]

Runs one SELECT on the box's database and prints the rows. Goes through the trader
where it runs, else opens the file. Nothing can be written, and no other file read.

  --json          rows as one JSON object a line
  --limit N       rows at most (default 1000, up to ${QUERY_ROWS_MAX})
${ADDRESS_HELP}

Tables: candles, decisions, outcomes, predictions, signals, risk_decisions, equity,
orders, order_events, fills, positions, quarantine, corrections, gaps, halts,
peak_rebases, health, models, alerts_outbox. Times are UTC milliseconds.

  redbutton query "SELECT symbol, count(*) FROM candles GROUP BY symbol"
`,
  async run(args, io) {
    const { values, positionals } = parseOptions(
      'query',
      args,
      { ...ADDRESS_OPTIONS, json: { type: 'boolean' }, limit: { type: 'string' } },
      ['SQL'],
    );
    const rowsMax = Number(values.limit ?? 1000);
    if (!Number.isInteger(rowsMax) || rowsMax < 1 || rowsMax > QUERY_ROWS_MAX)
      throw badInput('E_USAGE', `query: --limit ${values.limit} is no number of rows`, 'see --help');
    const sql = positionals[0]!;
    const { value } = await throughTraderOrFile<QueryAnswer>(
      addressOf('query', values),
      '/query',
      { sql, rowsMax },
      { readOnly: true },
      (store) => store.desk.query(sql, rowsMax),
    );
    if (values.json) {
      for (const row of value.rows)
        io.stdout.write(
          `${JSON.stringify(Object.fromEntries(value.columns.map((name, i) => [name, row[i]])))}\n`,
        );
    } else {
      const cell = (field: unknown) =>
        field === null ? '' : typeof field === 'string' ? field : JSON.stringify(field);
      io.stdout.write(table([value.columns, ...value.rows.map((row) => row.map(cell))]));
    }
    if (value.truncated) io.stderr.write(`only the first ${rowsMax} rows are shown: see --limit\n`);
    return EXIT.fine;
  },
};
