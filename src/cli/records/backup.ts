import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { copyDurably, renameDurably } from '../../adapters/files/durable-file.js';
import { defineCommand } from '../../console/command.js';
import { badInput, EXIT } from '../../core/errors.js';
import { askTrader, throughTraderOrFile } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'backup',
  summary: 'copy the database as of one moment, while the box runs',
  about: `Writes a whole, consistent and compact copy of the database. Trading continues
meanwhile. redbutton restore puts it back.`,
  options: {
    out: {
      value: 'FILE',
      help: 'where the copy goes; must not be there yet',
      required: true,
      completes: 'file',
    },
    ...ADDRESS_OPTIONS,
  },
  async run(values, io) {
    const out = path.resolve(values.out);
    if (existsSync(out)) throw badInput('E_USAGE', `backup: ${out} is already there`, 'name a new file');
    const paths = addressOf(values);
    // Under another name until it is whole.
    const part = `${out}.part`;
    await rm(part, { force: true });
    try {
      const { by, value } = await throughTraderOrFile<{ readonly path: string }>(
        paths,
        '/backup',
        {},
        { handoverDir: path.dirname(out) },
        async (store) => {
          await store.queries.backup(part);
          return { path: part };
        },
      );
      if (by === 'trader') await copyDurably(value.path, part);
      await renameDurably(part, out);
      if (by === 'trader') await askTrader(paths, '/handover/clear', {});
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    io.stdout.write(`${out}: ${(await stat(out)).size} bytes\n`);
    return EXIT.fine;
  },
});
