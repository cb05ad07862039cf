import { checkSystem, finishSystemUpdate, updateSystem } from '../../box/os-update/os-update.js';
import { defineCommand } from '../../console/command.js';
import type { ValuePlace } from '../../console/option-table.js';
import { whole } from '../../console/option-values.js';
import { EXIT } from '../../core/errors.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

const hour = (text: string, place: ValuePlace) => whole(0, 24)(text, place) % 24;

export const command = defineCommand({
  name: 'os-update',
  summary: "bring Debian's security updates to a flashed box",
  usage: ['[--from HOUR] [--to HOUR] [--now] [--anyway] [--config FILE]', '--check', '--settle'],
  about: `A flashed box has two systems. The one that runs is never written: it is copied
into the other one, which is upgraded there while trading continues. Then, with no
position open and within the window, the phone is alerted and the new system is
started, once on trial. Where guard and trader run in it, it stays; where it does
not start or they do not run, the box falls back to the old one by itself.`,
  options: {
    from: {
      value: 'HOUR',
      help: 'first local hour in which the box may restart',
      default: '3',
      read: hour,
    },
    to: { value: 'HOUR', help: 'the first hour in which it may not', default: '5', read: hour },
    now: { help: 'whatever the hour; open positions still forbid it' },
    anyway: {
      help: 'though there is nothing to upgrade: makes the second system the same as this one, and starts it',
    },
    check: { help: 'only say what there is' },
    settle: { help: 'keep or give up the system on trial (done at each start)' },
    config: CONFIG_OPTION,
  },
  more: 'Exit codes: 0 restarting, nothing to do, or not now; 1 failed.',
  async run(values, io) {
    const box = {
      config: configFrom(values.config),
      env: io.env,
      signal: io.signal,
      say: (line: string) => void io.stdout.write(`${line}\n`),
      warn: (line: string) => void io.stderr.write(`${line}\n`),
    };
    if (values.settle) return (await finishSystemUpdate(box)) ? EXIT.fine : EXIT.failed;
    if (values.check) await checkSystem(box);
    else
      await updateSystem(box, {
        fromHour: values.now ? 0 : values.from,
        toHour: values.now ? 0 : values.to,
        anyway: values.anyway,
      });
    return EXIT.fine;
  },
});
