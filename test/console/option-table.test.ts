import { describe, expect, it } from 'vitest';
import { defineCommand, defineVerb, defineVerbs } from '../../src/console/command.js';
import { optionsHelp } from '../../src/console/help-text.js';
import { whole } from '../../src/console/option-values.js';
import { captureIo } from '../support/command-io.js';

let got: unknown;
const turn = defineCommand({
  name: 'turn',
  summary: 'turn it',
  about: 'Turns it.',
  operands: { side: { choices: ['left', 'right'] } },
  options: {
    degrees: { value: 'N', help: 'how far', default: '90', read: whole(0, 360) },
    label: { value: 'TEXT', help: 'what to call it', many: true },
    mode: { value: 'HOW', choices: ['slow', 'fast', 'jump'], help: 'in which way' },
    dry: { help: 'only say what would be done' },
  },
  async run(values) {
    got = values;
    return 0;
  },
});
const box = defineVerbs({
  name: 'box',
  summary: 'a box',
  page: ['Opens and shuts.', { force: { help: 'by force' } }],
  verbs: {
    open: defineVerb({
      operands: { what: { value: 'WHAT' } },
      options: { force: { help: 'by force' } },
      async run(values) {
        got = values;
        return 0;
      },
    }),
    shut: defineVerb({ options: {}, run: async () => 7 }),
    mark: defineVerb({
      options: { as: { value: 'TEXT', help: 'what', required: true } },
      run: async () => 0,
    }),
  },
});
const run = async (...args: string[]) => {
  await turn.run(args, captureIo());
  return got;
};
const failing = (command: typeof turn, ...args: string[]) =>
  command.run(args, captureIo()).then(
    () => undefined,
    ({ code, exitCode, message }) => ({ code, exitCode, message }),
  );
const usage = (message: string) => ({ code: 'E_USAGE', exitCode: 2, message });

describe('a table of options', () => {
  it('is what the arguments are read by', async () => {
    expect(await run('left')).toEqual({ side: 'left', degrees: 90, label: [], mode: undefined, dry: false });
    expect(
      await run('--degrees=5', '--dry', 'right', '--label', 'a', '--label', 'b', '--mode', 'jump'),
    ).toEqual({
      side: 'right',
      degrees: 5,
      label: ['a', 'b'],
      mode: 'jump',
      dry: true,
    });
  });

  it.each([
    [['left', '--degres', '5'], 'turn: there is no option --degres; did you mean --degrees?'],
    [['left', '--deg', '5'], 'turn: there is no option --deg; did you mean --degrees?'],
    [['left', '--wibble'], 'turn: there is no option --wibble'],
    [['left', '-d'], 'turn: there is no option -d'],
    [['left', '--degrees', '361'], 'turn: --degrees "361" is no whole number from 0 to 360'],
    [['left', '--mode', 'hop'], 'turn: --mode "hop" is none of slow, fast, jump'],
    [['up'], 'turn: "up" is neither left nor right'],
    [[], 'turn: expected left|right, got 0 arguments'],
    [['left', 'right'], 'turn: expected left|right, got 2 arguments'],
    [['left', '--dry=yes'], "turn: Option '--dry' does not take an argument"],
    [['left', '--degrees'], "turn: Option '--degrees <value>' argument missing"],
  ])('makes wrong usage of %j', async (args, message) => {
    expect(await failing(turn, ...args)).toEqual(usage(message));
  });

  it('is what the help is made of', () => {
    expect(turn.help).toBe(`Usage: redbutton turn left|right [OPTION ...]

Turns it.

  --degrees N   how far (default: 90)
  --label TEXT  what to call it; may be given again
  --mode HOW    in which way: slow, fast, jump
  --dry         only say what would be done
`);
  });

  it('is wrapped, and a long name stands above what it does', () => {
    const help = 'so much to say of it that it does not fit into a line and runs on in the next';
    const text = optionsHelp({ a: { help }, 'an-option-with-a-long': { value: 'NAME', help: 'short' } });
    expect(text).toBe(`  --a  so much to say of it that it does not fit into a line and runs on in the
       next
  --an-option-with-a-long NAME
       short
`);
  });
});

describe('verbs', () => {
  it('are found wherever they stand, and have options of their own', async () => {
    await box.run(['--force', 'open', 'door'], captureIo());
    expect(got).toEqual({ what: 'door', force: true });
    expect(await box.run(['shut'], captureIo())).toBe(7);
    expect(await failing(box, 'shut', '--force')).toEqual(usage('box: there is no option --force'));
    expect(await failing(box, 'opn')).toEqual(usage('box: there is no "box opn"; did you mean open?'));
    expect(await failing(box, 'open')).toEqual(usage('box: expected WHAT, got 0 arguments'));
    expect(await failing(box, 'mark')).toEqual(usage('box: --as is missing'));
    expect(await failing(box)).toEqual(usage('box: expected one of open, shut, mark'));
  });

  it('have a usage line each', () => {
    expect(box.help).toBe(`Usage: redbutton box open WHAT [--force]
       redbutton box shut
       redbutton box mark --as TEXT

Opens and shuts.

  --force  by force
`);
  });
});
