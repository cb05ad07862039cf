import { parseArgs } from 'node:util';
import { nearest } from '../core/nearest.js';
import { helpPage, usageLine } from './help-text.js';
import type { CommandIo } from './io.js';
import {
  type Form,
  type OperandTable,
  type OptionTable,
  parseOptionsOf,
  readArguments,
  type Values,
  wrongUsage,
} from './option-table.js';

/** One command of `redbutton`. `run` resolves to the exit code; faults are thrown as RedbuttonError. */
export interface Command {
  readonly name: string;
  /** One line for `redbutton --help`. */
  readonly summary: string;
  /** The whole text of `redbutton NAME --help`, at most 80 columns wide. */
  readonly help: string;
  /** What can follow the command: by verb, or under '' where it has none. */
  readonly forms: Readonly<Record<string, Form>>;
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

interface Page {
  readonly name: string;
  readonly summary: string;
  /** Ways to call it, as they follow `redbutton NAME`; made from the tables when absent. */
  readonly usage?: readonly string[];
}

/** Makes a command of its table of options and operands, which its help has between `about` and `more`. */
export function defineCommand<
  const O extends OptionTable,
  const P extends OperandTable = Record<never, never>,
>(
  spec: Page & {
    readonly about: string;
    readonly operands?: P;
    readonly options: O;
    readonly more?: string;
    run(values: Values<O, P>, io: CommandIo): Promise<number>;
  },
): Command {
  const { name, summary, options, about, more } = spec;
  const form: Form = { options, operands: spec.operands ?? {} };
  const blocks = [about, ...(Object.keys(options).length > 0 ? [options] : []), ...(more ? [more] : [])];
  return {
    name,
    summary,
    help: helpPage(usageOf(spec, { '': form }), blocks),
    forms: { '': form },
    run: async (args, io) => spec.run(readArguments(name, args, form) as Values<O, P>, io),
  };
}

/** One verb of a command, as in `model list`. */
export interface Verb extends Form {
  run(values: Readonly<Record<string, unknown>>, io: CommandIo): Promise<number>;
}

export function defineVerb<
  const O extends OptionTable,
  const P extends OperandTable = Record<never, never>,
>(spec: {
  readonly operands?: P;
  readonly options: O;
  run(values: Values<O, P>, io: CommandIo): Promise<number>;
}): Verb {
  return {
    options: spec.options,
    operands: spec.operands ?? {},
    run: (values, io) => spec.run(values as Values<O, P>, io),
  };
}

/** Makes a command that has verbs. Its page is paragraphs and tables, which must show every option of every verb. */
export function defineVerbs(
  spec: Page & {
    readonly page: readonly (string | OptionTable)[];
    readonly verbs: Readonly<Record<string, Verb>>;
  },
): Command {
  const { name, summary, verbs } = spec;
  return {
    name,
    summary,
    help: helpPage(usageOf(spec, verbs), spec.page),
    forms: verbs,
    async run(args, io) {
      const [word, rest] = verbOf(name, args, verbs);
      const verb = verbs[word]!;
      return verb.run(readArguments(name, rest, verb), io);
    },
  };
}

function usageOf({ name, usage }: Page, forms: Readonly<Record<string, Form>>): readonly string[] {
  if (usage !== undefined) return usage.map((rest) => `redbutton ${name} ${rest}`);
  return Object.entries(forms).map(([verb, form]) => usageLine(`${name} ${verb}`.trim(), form));
}

/** The first word that is no option and no option's value, and what is left without it. */
function verbOf(
  command: string,
  args: readonly string[],
  verbs: Readonly<Record<string, Verb>>,
): readonly [string, readonly string[]] {
  const options = parseOptionsOf(Object.assign({}, ...Object.values(verbs).map((verb) => verb.options)));
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const first = tokens.find((token) => token.kind === 'positional');
  const words = Object.keys(verbs);
  if (first === undefined) throw wrongUsage(command, `expected one of ${words.join(', ')}`);
  if (Object.hasOwn(verbs, first.value)) return [first.value, args.toSpliced(first.index, 1)];
  const near = nearest(first.value, words);
  throw wrongUsage(
    command,
    `there is no "${command} ${first.value}"${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}
