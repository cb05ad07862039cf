import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { applyCard } from '../../box/first-boot/apply-card.js';
import { readCardBytes } from '../../box/first-boot/card-bytes.js';
import type { CardSettings } from '../../box/first-boot/card-file.js';
import { CONFIG_FILE } from '../../box/first-boot/system-files.js';
import { parseConfig } from '../../config/load.js';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { badInput, EXIT, fault, messageOf } from '../../core/errors.js';

const NAME = 'first-boot';
const run = promisify(execFile);

export const command = defineCommand({
  name: NAME,
  summary: 'apply redbutton.toml of the card, and wipe it',
  usage: ['[OPTION ...]', '--check FILE'],
  about: `Done by the flashed box at each start where its owner has put a redbutton.toml
on the card: sets what the file says (Wi-Fi, time zone, SSH keys, broker, the
trader's configuration), moves secrets to /etc/redbutton/credentials, and
wipes the file. With mistakes nothing is changed; they are written to
redbutton-errors.txt on the card, and the box does not start to trade.`,
  options: {
    check: { value: 'FILE', help: 'only say what is wrong with FILE', completes: 'file' },
    card: {
      value: 'DIR',
      help: 'the boot partition',
      otherwise: 'boot/firmware of the root',
      completes: 'folder',
    },
    settings: {
      value: 'DIR',
      help: 'what the root forgets',
      otherwise: 'data/settings of the root',
      completes: 'folder',
    },
    root: {
      value: 'DIR',
      help: 'the root; nothing is written outside of it but to the other two',
      default: '/',
      completes: 'folder',
    },
  },
  more: 'Exit codes: 0 applied, or nothing to do; 1 failed; 2 mistakes in the file.',
  async run(values, io) {
    const root = path.resolve(values.root);
    if (values.check !== undefined) return check(values.check, root, io);
    const card = values.card ?? path.join(root, 'boot/firmware');
    const kept = values.settings ?? path.join(root, 'data/settings');
    const outcome = await applyCard({ root, card, settings: kept }, (settings) =>
      setUpBroker(root, settings),
    );
    if ('unwiped' in outcome && outcome.unwiped !== null)
      io.stderr.write(
        `redbutton: what is free on ${card} could not be overwritten, so secrets of an earlier redbutton.toml may still be there: ${outcome.unwiped}\n  Remedy: start the box again; where that does not help, use another card\n`,
      );
    switch (outcome.outcome) {
      case 'mistakes':
        throw mistakesIn(`${card}/redbutton.toml`, outcome.mistakes);
      case 'nothing_to_do':
        io.stdout.write('redbutton: no redbutton.toml on the card, and the box has its settings\n');
        return EXIT.fine;
      case 'wipe_finished':
        io.stdout.write('redbutton: finished wiping redbutton.toml, which an earlier start had applied\n');
        return EXIT.fine;
      case 'applied': {
        const { hostname } = outcome.settings.box;
        // The kernel read its own name before this ran.
        if (root === '/' && hostname !== undefined) await writeFile('/proc/sys/kernel/hostname', hostname);
        io.stdout.write(`redbutton: applied redbutton.toml and wiped it: ${outcome.wrote.join(', ')}\n`);
        return EXIT.fine;
      }
    }
  },
});

async function check(file: string, root: string, io: CommandIo): Promise<number> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw badInput('E_CARD_READ', `cannot read ${file}: ${messageOf(error)}`, 'name a readable file', error);
  }
  const reading = readCardBytes(bytes, existsSync(path.join(root, CONFIG_FILE)));
  if ('mistakes' in reading) throw mistakesIn(file, reading.mistakes);
  io.stdout.write(`${file} is fine\n`);
  return EXIT.fine;
}

function mistakesIn(file: string, mistakes: readonly string[]) {
  const many = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
  return badInput(
    'E_CARD_FILE',
    `${file} has ${many}:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`,
    'fix all of them in that file and start the box again',
  );
}

async function setUpBroker(root: string, { box, configuration }: CardSettings): Promise<void> {
  const script = fileURLToPath(new URL('../../../scripts/setup-broker', import.meta.url));
  try {
    // The broker is started by the system, after this. The kernel does not know the new host name yet.
    await run(script, [
      '--no-restart',
      ...(configuration === null ? [] : ['--device', parseConfig(configuration, CONFIG_FILE).device.name]),
      ...(box.hostname === undefined ? [] : ['--hostname', box.hostname]),
      ...(root === '/' ? [] : ['--out', root]),
    ]);
  } catch (error) {
    throw fault(
      'E_BROKER_SETUP',
      `the broker could not be set up: ${messageOf(error)}`,
      'see the journal',
      error,
    );
  }
}
