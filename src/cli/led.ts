import { badInput, EXIT } from '../core/errors.js';
import { LED_DEAD, LED_PATTERNS } from '../guard/led.js';
import { type Command, parseOptions } from './command.js';
import { table } from './terminal.js';

export const command: Command = {
  name: 'led',
  summary: 'explain the patterns of the status LED',
  help: `Usage: redbutton led --explain [--json]

Prints what each pattern of the LED means, from the table the guard drives it by.

  --explain       print the table
  --json          print it as JSON, steps lit and dark in milliseconds
`,
  async run(args, io) {
    const { values } = parseOptions('led', args, { explain: { type: 'boolean' }, json: { type: 'boolean' } });
    if (!values.explain) throw badInput('E_USAGE', 'led: --explain is missing', 'see redbutton led --help');
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
};
