import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../../src/adapters/clock/system-scheduler.js';
import { openValueFile } from '../../../src/adapters/gpio/value-file.js';
import { pathsOf } from '../../../src/config/paths.js';
import { configSchema } from '../../../src/config/schema.js';
import { ComposedGuard } from '../../../src/guard/compose.js';
import { PAPER_CANCELLER } from '../../../src/guard/paper-canceller.js';
import { linesOf, settingsOf } from '../../../src/guard/settings.js';
import type { Gpio } from '../../../src/ports/gpio.js';

/**
 * The guard over lines that are files, as sysfs shows them, in the directory of its first argument: what it costs with a
 * bank whose levels a thread looks at, on a machine without one. Its box is armed by the test's hand on `5`.
 */
const [dir = ''] = process.argv.slice(2);
const lines = join(dir, 'lines');
mkdirSync(lines, { recursive: true });
const file = (line: number) => join(lines, String(line));
const gpio: Gpio = {
  backend: 'files',
  async input(line) {
    writeFileSync(file(line), '0\n', { flag: 'a' });
    const value = openValueFile(file(line));
    return {
      read: () => value.read(),
      // A plain file tells of no edges; its level is looked at all the more.
      onEdge() {},
      lookEvery: (periodMs, callback) => value.lookEvery(periodMs, callback),
      close: () => value.close(),
    };
  },
  async output(line) {
    return { write: (level) => writeFileSync(file(line), `${level}\n`), close() {} };
  },
};
const composed = new ComposedGuard({
  paths: pathsOf({ name: 'box', stateDir: join(dir, 'state'), runDir: dir }),

  settings: settingsOf(configSchema.shape.guard.parse({})),
  lines: linesOf(configSchema.shape.gpio.parse({})),
  gpio,
  clock: createSystemClock(),
  scheduler: createSystemScheduler(),
  canceller: PAPER_CANCELLER,
  simulatedButton: null,
  killTrader: () => 'there is none',
  onNotice: (notice) => void process.stdout.write(`${JSON.stringify(notice)}\n`),
});
await composed.start();
process.stdout.write('{"kind":"ready"}\n');
