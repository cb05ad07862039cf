import path from 'node:path';
import { restoreBackup } from '../../box/restore/restore-backup.js';
import { defineCommand } from '../../console/command.js';
import { EXIT } from '../../core/errors.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

export const command = defineCommand({
  name: 'restore',
  summary: 'put a backup in the place of the database',
  about: `Halts the box, reads the whole copy, moves the database with its log into a dated
folder next to it, puts the copy in its place, and brings it up to the journal: no
order, fill or transfer that was recorded is lost or counted twice. Says which
decisions are missing since. The box stays halted until you arm it.

As root it stops redbutton.service and starts it again; else stop the trader
first. A copy of another account (paper, testnet, live) is refused, and so is
another box's, unless you name that box. Its days on paper do not count here.`,
  operands: { file: { value: 'FILE', completes: 'file' } },
  options: {
    'from-box': {
      value: 'NAME',
      help: "the copy is of box NAME, or of a version that did not write down whose it is, and is taken for this box's",
    },
    config: CONFIG_OPTION,
  },
  more: `Exit codes: 0 restored; 1 failed, and nothing has changed unless it says so;
2 the copy is not fit for this box.`,
  async run(values, io) {
    await restoreBackup({
      copy: path.resolve(values.file),
      config: configFrom(values.config),
      fromBox: values['from-box'],
      by: io.env.SUDO_USER ?? io.env.USER ?? 'unknown user',
      say: (line) => io.stdout.write(`${line}\n`),
      warn: (line) => io.stderr.write(`${line}\n`),
    });
    return EXIT.fine;
  },
});
