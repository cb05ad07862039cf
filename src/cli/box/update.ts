import path from 'node:path';
import { finishUpdate, RELEASE_SIGNERS, updateProgram } from '../../box/updating/update.js';
import { defineCommand } from '../../console/command.js';
import { wrongUsage } from '../../console/option-table.js';
import { whole } from '../../console/option-values.js';
import { badInput, EXIT } from '../../core/errors.js';
import { CONFIG_OPTION, configFrom, DEFAULT_CONFIG_FILE } from '../config-option.js';

const READY_SECONDS = 180;

export const command = defineCommand({
  name: 'update',
  summary: 'install a signed release, or fall back to the old one',
  usage: ['FILE.tar.xz [--with-open-positions] [--allow-older]', '--settle'],
  about: `Verifies FILE.tar.xz by FILE.tar.xz.sig and the signers in ${RELEASE_SIGNERS},
installs it next to the version that runs, lets it read the configuration and
migrate a copy of the store, and switches to it. Where guard and trader are not
up, connected and (if the box was armed) reconciled within 3 minutes, the old
version and its store are restored. The phone is alerted either way. Needs root.`,
  operands: { file: { value: 'FILE.tar.xz', optional: true, completes: 'file' } },
  options: {
    'with-open-positions': {
      help: 'also while a position is open: for some seconds only its protective stop watches over it',
    },
    'ready-within': {
      value: 'SECONDS',
      help: 'how long the new version may take',
      default: String(READY_SECONDS),
      read: whole(10, 3600),
    },
    'allow-older': { help: 'take a release that is not newer' },
    settle: { help: 'finish an update that a power cut interrupted (done at each start)' },
    config: CONFIG_OPTION,
  },
  more: 'Exit codes: 0 installed, 1 failed or fell back, 2 refused.',
  async run(values, io) {
    const { file } = values;
    if (values.settle !== (file === undefined))
      throw wrongUsage('update', 'expected either FILE.tar.xz or --settle');
    if (process.getuid?.() !== 0)
      throw badInput('E_UPDATE_ROOT', 'update needs root', 'sudo redbutton update …');
    // Whoever started it may lose the connection; a switch must not stop half-way for that.
    process.on('SIGHUP', () => undefined);
    const configFile = values.config ?? DEFAULT_CONFIG_FILE;
    const box = {
      configFile,
      config: configFrom(configFile),
      readyMsMax: values['ready-within'] * 1000,
      env: { CREDENTIALS_DIRECTORY: path.join(path.dirname(DEFAULT_CONFIG_FILE), 'credentials'), ...io.env },
      say: (line: string) => void io.stdout.write(`${line}\n`),
      warn: (line: string) => void io.stderr.write(`${line}\n`),
    };
    const kept =
      file === undefined
        ? await finishUpdate(box)
        : await updateProgram(box, file, {
            withOpenPositions: values['with-open-positions'],
            allowOlder: values['allow-older'],
          });
    return kept ? EXIT.fine : EXIT.failed;
  },
});
