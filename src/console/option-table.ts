import { parseArgs } from 'node:util';
import { badInput, messageOf, type RedbuttonError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';

/** Where a value stands, for the sentence that says what is wrong with it. */
export interface ValuePlace {
  readonly command: string;
  /** As in `--horizon`, or `FILE` of an operand. */
  readonly name: string;
}

/** A value on the command line. Parsing, help and shell completion are made from this. */
interface ValueSpec {
  /** The placeholder, as in FILE; of choices, what else than their list. */
  readonly value?: string;
  readonly choices?: readonly string[];
  /** Turns the text into what the command works with; throws `E_USAGE`. */
  readonly read?: (text: string, place: ValuePlace) => unknown;
  readonly completes?: 'file' | 'folder';
}

/** One option; a switch where it has neither `value` nor `choices`. */
export interface OptionSpec extends ValueSpec {
  /** What it does, for the help; wrapped to the width of the terminal. */
  readonly help: string;
  readonly default?: string;
  /** What holds without the option, as help says it; the default's own text when absent. */
  readonly otherwise?: string;
  readonly required?: boolean;
  /** It may be given again: the value is a list. */
  readonly many?: boolean;
}

/** A word that follows the command without a name of its own. */
export interface OperandSpec extends ValueSpec {
  readonly optional?: boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;
export type OperandTable = Readonly<Record<string, OperandSpec>>;

/** What can follow a command, or one verb of it. */
export interface Form {
  readonly options: OptionTable;
  readonly operands: OperandTable;
}

type TextOf<S> = S extends { readonly read: (text: string, place: ValuePlace) => infer T }
  ? T
  : S extends { readonly choices: readonly (infer C)[] }
    ? C
    : string;

type OptionValue<S> = S extends { readonly value: string } | { readonly choices: readonly string[] }
  ? S extends { readonly many: true }
    ? readonly TextOf<S>[]
    : S extends { readonly default: string } | { readonly required: true }
      ? TextOf<S>
      : TextOf<S> | undefined
  : boolean;

type OperandValue<S> = S extends { readonly optional: true } ? TextOf<S> | undefined : TextOf<S>;

/** The values of options and operands, by their names. */
export type Values<O extends OptionTable, P extends OperandTable = Record<never, never>> = {
  readonly [K in keyof O]: OptionValue<O[K]>;
} & { readonly [K in keyof P]: OperandValue<P[K]> };

export const takesValue = (spec: ValueSpec): boolean =>
  spec.value !== undefined || spec.choices !== undefined;

/** `FILE`, or `strict|article`. */
export const placeholderOf = ({ value, choices }: ValueSpec): string => value ?? choices!.join('|');

/** `E_USAGE`, which points to the command's help unless it has a remedy of its own. */
export function wrongUsage(command: string, what: string, remedy?: string, cause?: unknown): RedbuttonError {
  return badInput('E_USAGE', `${command}: ${what}`, remedy ?? `see redbutton ${command} --help`, cause);
}

/** Reads what follows a command. Wrong usage is `E_USAGE`. */
export function readArguments(
  command: string,
  args: readonly string[],
  { options, operands }: Form,
): Readonly<Record<string, unknown>> {
  const given = parsed(command, args, options);
  const values: Record<string, unknown> = readOperands(command, given.positionals, operands);
  for (const [name, spec] of Object.entries(options)) {
    const found = given.values[name] as string | boolean | readonly string[] | undefined;
    if (!takesValue(spec)) {
      values[name] = found === true;
      continue;
    }
    const place = { command, name: `--${name}` };
    const texts = [found ?? spec.default ?? []].flat() as readonly string[];
    if (spec.required && texts.length === 0) throw wrongUsage(command, `--${name} is missing`);
    const read = texts.map((text) => readText(text, spec, place));
    values[name] = spec.many ? read : read[0];
  }
  return values;
}

function parsed(command: string, args: readonly string[], options: OptionTable) {
  const config = {
    args: [...args],
    options: parseOptionsOf(options),
    allowPositionals: true,
  };
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const near = nearest(token.name, [...Object.keys(options), 'help']);
    throw wrongUsage(
      command,
      `there is no option ${token.rawName}${near === undefined ? '' : `; did you mean --${near}?`}`,
    );
  }
  try {
    return parseArgs({ ...config, strict: true });
  } catch (error) {
    throw wrongUsage(command, messageOf(error), undefined, error);
  }
}

/** As node's parser takes them. */
export function parseOptionsOf(options: OptionTable) {
  return Object.fromEntries(
    Object.entries(options).map(([name, spec]) => [
      name,
      { type: takesValue(spec) ? ('string' as const) : ('boolean' as const), multiple: spec.many === true },
    ]),
  );
}

function readOperands(
  command: string,
  words: readonly string[],
  operands: OperandTable,
): Record<string, unknown> {
  const all = Object.entries(operands);
  const least = all.filter(([, { optional }]) => optional !== true).length;
  if (words.length < least || words.length > all.length) {
    const wanted = all.length === 0 ? 'no argument' : all.map(([, spec]) => placeholderOf(spec)).join(' ');
    throw wrongUsage(
      command,
      `expected ${wanted}, got ${words.length} ${words.length === 1 ? 'argument' : 'arguments'}`,
    );
  }
  return Object.fromEntries(
    all.map(([key, spec], i) => {
      const word = words[i];
      const place = { command, name: placeholderOf(spec) };
      return [key, word === undefined ? undefined : readText(word, spec, place)];
    }),
  );
}

function readText(text: string, { choices, read }: ValueSpec, place: ValuePlace): unknown {
  if (choices !== undefined && !choices.includes(text)) {
    const known = choices.length === 2 ? `neither ${choices.join(' nor ')}` : `none of ${choices.join(', ')}`;
    const what = place.name.startsWith('--') ? `${place.name} ${JSON.stringify(text)}` : JSON.stringify(text);
    throw wrongUsage(place.command, `${what} is ${known}`);
  }
  return read === undefined ? text : read(text, place);
}
