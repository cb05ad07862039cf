import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { defineCommand } from '../../console/command.js';
import { day } from '../../console/option-values.js';
import { table } from '../../console/table.js';
import { badInput, EXIT } from '../../core/errors.js';
import { askTrader, throughTraderOrFile } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

interface Exported {
  readonly path: string;
  readonly rows: Readonly<Record<string, number>>;
}

export const command = defineCommand({
  name: 'export',
  summary: 'write the stored history as Parquet files',
  about: `Writes candles, decisions and outcomes as Parquet, in folders by exchange, symbol
and month (hive partitions, as Spark, Trino and DuckDB read them), and orders,
fills, halts, gaps, quarantine and corrections as one file each. All are of the
same moment. Goes through the trader where it runs.`,
  options: {
    out: { value: 'DIR', help: 'a new or empty folder', required: true, completes: 'folder' },
    since: { value: 'DAY', help: 'bars from that UTC day on, as in 2024-01-31', read: day },
    until: { value: 'DAY', help: 'bars before that UTC day', read: day },
    ...ADDRESS_OPTIONS,
  },
  async run(values, io) {
    const out = path.resolve(values.out);
    if (existsSync(out) && readdirSync(out).length > 0)
      throw badInput('E_USAGE', `export: ${out} is not empty`, 'name a new folder');
    const { since: fromMs, until: toMs } = values;
    const range = { ...(fromMs !== undefined && { fromMs }), ...(toMs !== undefined && { toMs }) };
    const paths = addressOf(values);
    await mkdir(out, { recursive: true });
    const { by, value } = await throughTraderOrFile<Exported>(
      paths,
      '/export',
      range,
      { readOnly: true, handoverDir: out },
      async (store) => ({ path: out, rows: await store.queries.exportParquet(out, range) }),
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
});
