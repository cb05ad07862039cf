import { QUERY_ROWS_MAX } from '../../adapters/control-socket/store-routes.js';
import type { QueryAnswer } from '../../adapters/duckdb/index.js';
import { defineCommand } from '../../console/command.js';
import { whole } from '../../console/option-values.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import { throughTraderOrFile } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'query',
  summary: 'ask the database in SQL, read-only, while the box runs',
  about: `Runs one SELECT on the box's database and prints the rows. Asks the trader
if it runs, otherwise opens the file. Nothing can be written, and no other file
read.`,
  operands: { sql: { value: 'SQL' } },
  options: {
    json: { help: 'rows as one JSON object a line' },
    limit: {
      value: 'N',
      help: `rows at most, up to ${QUERY_ROWS_MAX}`,
      default: '1000',
      read: whole(1, QUERY_ROWS_MAX),
    },
    ...ADDRESS_OPTIONS,
  },
  more: `Tables: candles, decisions, outcomes, predictions, signals, risk_decisions, equity,
orders, order_events, fills, positions, quarantine, corrections, gaps, halts,
peak_rebases, health, models, alerts_outbox. Times are UTC milliseconds.
An order ends as filled, canceled, expired, rejected (by the exchange), denied (by
the box itself; see its column reason) or never_placed.

  redbutton query "SELECT symbol, count(*) FROM candles GROUP BY symbol"`,
  async run(values, io) {
    const { sql, limit: rowsMax } = values;
    const { value } = await throughTraderOrFile<QueryAnswer>(
      addressOf(values),
      '/query',
      { sql, rowsMax },
      { readOnly: true },
      (store) => store.queries.query(sql, rowsMax),
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
});
