import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { table } from '../../console/terminal.js';
import { badInput, EXIT } from '../../core/errors.js';
import { askTrader, throughTraderOrFile } from '../../research/studies/store-access.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { type Command, parseOptions, required } from '../command.js';
import { dayOption } from '../day-option.js';

interface Exported {
  readonly path: string;
  readonly rows: Readonly<Record<string, number>>;
}

export const command: Command = {
  name: 'export',
  summary: 'write the stored history as Parquet files',
  help: `Usage: redbutton export --out DIR [OPTION ...]

Writes candles, decisions and outcomes as Parquet, in folders by exchange, symbol
and month (hive partitions, as Spark, Trino and DuckDB read them), and orders,
fills, halts, gaps, quarantine and corrections as one file each. All are of the
same moment. Goes through the trader where it runs.

  --out DIR       a new or empty folder
  --since DAY     bars from that UTC day on, as in 2024-01-31
  --until DAY     bars before that UTC day
${ADDRESS_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions('export', args, {
      ...ADDRESS_OPTIONS,
      out: { type: 'string' },
      since: { type: 'string' },
      until: { type: 'string' },
    });
    const out = path.resolve(required('export', 'out', values.out));
    if (existsSync(out) && readdirSync(out).length > 0)
      throw badInput('E_USAGE', `export: ${out} is not empty`, 'name a new folder');
    const fromMs = dayOption('export', 'since', values.since);
    const toMs = dayOption('export', 'until', values.until);
    const range = { ...(fromMs !== undefined && { fromMs }), ...(toMs !== undefined && { toMs }) };
    const paths = addressOf('export', values);
    await mkdir(out, { recursive: true });
    const { by, value } = await throughTraderOrFile<Exported>(
      paths,
      '/export',
      range,
      { readOnly: true, handoverDir: out },
      async (store) => ({ path: out, rows: await store.desk.exportParquet(out, range) }),
    );
    if (by === 'trader') {
      await cp(value.path, out, { recursive: true });
      await askTrader(paths, '/handover/clear', {});
    }
    io.stdout.write(
      table(
        Object.entries(value.rows).map(([name, rows]) => [name, String(rows)]),
        [1],
      ),
    );
    return EXIT.fine;
  },
};
