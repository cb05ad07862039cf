import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { type Form, type OptionSpec, readArguments, takesValue } from '../../src/console/option-table.js';
import { RedbuttonError } from '../../src/core/errors.js';

const commands = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command));
const forms = commands.flatMap((command) =>
  Object.entries(command.forms).map(([verb, form]) => ({
    name: `${command.name} ${verb}`.trim(),
    form,
    help: command.help,
  })),
);
const options = forms.flatMap(({ form, ...rest }) =>
  Object.entries(form.options).map(([option, spec]) => ({ ...rest, form, option, spec })),
);

/** Texts of all kinds, one of which each option takes. */
const TEXTS = ['1', '0.5', '2y', '2024-01-31', 'USDT=1', 'BTC/USDT', 'FILE'];

function sampleOf(name: string, spec: OptionSpec): string {
  if (spec.choices !== undefined) return spec.choices[0]!;
  const fits = (text: string) => {
    try {
      spec.read?.(text, { command: 'x', name });
      return true;
    } catch (error) {
      if (error instanceof RedbuttonError && error.code === 'E_USAGE') return false;
      throw error;
    }
  };
  return [...(spec.default === undefined ? [] : [spec.default]), ...TEXTS].find(fits)!;
}

/** The least that a form is called with. */
function leastOf({ options, operands }: Form): string[] {
  return [
    ...Object.values(operands)
      .filter(({ optional }) => optional !== true)
      .map(({ choices }) => choices?.[0] ?? 'FILE'),
    ...Object.entries(options)
      .filter(([, { required }]) => required)
      .flatMap(([name, spec]) => [`--${name}`, sampleOf(name, spec)]),
  ];
}

describe('a command', () => {
  it.each(commands)('$name has a help of at most 80 columns that begins with its usage', ({ name, help }) => {
    expect(help.startsWith(`Usage: redbutton ${name}`)).toBe(true);
    expect(help.endsWith('\n')).toBe(true);
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
    // No paragraph lost its blank line, none has two.
    expect(help).not.toContain('\n\n\n');
  });

  it.each(commands)('$name says what it does in one line of redbutton --help', ({ summary }) => {
    const width = Math.max(...commands.map(({ name }) => name.length));
    expect(`  ${' '.repeat(width)}  ${summary}`.length).toBeLessThanOrEqual(80);
  });

  it.each(options)('$name --$option is in the help, and is taken', ({ name, form, help, option, spec }) => {
    expect(help).toMatch(new RegExp(`^ {2}--${option}( |$)`, 'm'));
    const given = takesValue(spec) ? [`--${option}`, sampleOf(option, spec)] : [`--${option}`];
    const value = readArguments(name, [...leastOf(form), ...given], form)[option];
    expect(value).toEqual(takesValue(spec) ? expect.anything() : true);
  });

  it.each(forms)('$name takes its least, with its defaults', ({ name, form }) => {
    const values = readArguments(name, leastOf(form), form);
    for (const [option, spec] of Object.entries(form.options))
      expect(values[option] !== undefined, option).toBe(
        !takesValue(spec) || spec.required === true || spec.default !== undefined || spec.many === true,
      );
  });
});
