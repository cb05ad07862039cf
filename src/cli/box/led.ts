import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { openGpio } from '../../adapters/gpio/open-gpio.js';
import { SimulatedGpio } from '../../adapters/gpio/simulated.js';
import { configSchema } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { wrongUsage } from '../../console/option-table.js';
import { table } from '../../console/table.js';
import { EXIT, fault } from '../../core/errors.js';
import { LED_DEAD, LED_PATTERNS, type LedMode } from '../../guard/led.js';
import { LedDriver } from '../../guard/led-driver.js';
import { configFrom } from '../config-option.js';

export const command = defineCommand({
  name: 'led',
  summary: 'explain the patterns of the status LED, or show one',
  usage: ['--explain [--json]', '--show PATTERN [--config FILE]'],
  about: `Prints what each pattern of the LED means, from the table the guard drives it by,
or shows one of them until it is stopped. Only one can drive the LED: --show
is for a box whose guard does not run.`,
  options: {
    explain: { help: 'print the table' },
    json: { help: 'print it as JSON, steps lit and dark in milliseconds' },
    show: { value: 'PATTERN', choices: LED_PATTERNS.map(({ mode }) => mode), help: 'show this pattern' },
    config: {
      value: 'FILE',
      help: 'where [gpio] is read',
      otherwise: 'built-in values',
      completes: 'file',
    },
  },
  more: 'Exit codes: 0 printed, or stopped on request; 1 the LED cannot be driven.',
  async run(values, io) {
    if (values.show !== undefined) return show(values.show, values.config, io);
    if (!values.explain) throw wrongUsage('led', '--explain or --show is missing');
    if (values.json) {
      io.stdout.write(`${JSON.stringify([...LED_PATTERNS, { mode: 'dead', ...LED_DEAD, stepsMs: [] }])}\n`);
      return EXIT.fine;
    }
    const rows = LED_PATTERNS.map(({ name, meaning, stepsMs }) => [name, meaning, stepsMs.join(' ')]);
    io.stdout.write(
      table([['pattern', 'means', 'ms lit, dark, lit, …'], [LED_DEAD.name, LED_DEAD.meaning, '-'], ...rows]),
    );
    return EXIT.fine;
  },
});

const SHOW_PERIOD_MS = 10;
/** Beside the guard's own note, which is the guard's alone. */
const LINES_NOTE = '/run/redbutton-led.lines';

async function show(mode: LedMode, file: string | undefined, io: CommandIo): Promise<number> {
  const settings = file === undefined ? configSchema.shape.gpio.parse({}) : configFrom(file).gpio;
  const { backend } = settings;
  const clock = createSystemClock();
  const bank =
    backend === 'simulated' ? new SimulatedGpio() : openGpio({ ...settings, backend }, LINES_NOTE, clock);
  const driver = new LedDriver(await bank.output(settings.ledLine), null);
  try {
    while (!io.signal.aborted) {
      driver.show(mode, clock.monotonicMs());
      const why = driver.fault;
      if (why !== null)
        throw fault('E_LED', `the LED cannot be driven: ${why}`, 'look at [gpio] and the wiring');
      await clock.sleep(SHOW_PERIOD_MS, io.signal).catch(() => undefined);
    }
  } finally {
    driver.close();
  }
  return EXIT.fine;
}
