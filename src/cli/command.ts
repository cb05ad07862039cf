import { parseArgs } from 'node:util';
import type { CommandIo } from '../console/io.js';
import { badInput, messageOf } from '../core/errors.js';

/** One command of `redbutton`. `run` resolves to the exit code; faults are thrown as RedbuttonError. */
export interface Command {
  readonly name: string;
  /** One line for `redbutton --help`. */
  readonly summary: string;
  /** The whole text of `redbutton NAME --help`, at most 80 columns wide. */
  readonly help: string;
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

export type OptionSpec = Readonly<
  Record<
    string,
    { readonly type: 'string' | 'boolean'; readonly multiple?: boolean; readonly default?: string | boolean }
  >
>;

type Values<S extends OptionSpec> = {
  readonly [K in keyof S]: S[K]['type'] extends 'boolean'
    ? boolean
    : S[K]['multiple'] extends true
      ? readonly string[]
      : S[K] extends { default: string }
        ? string
        : string | undefined;
};

/**
 * Reads `--name value` options and positional words. Unknown options, missing values and a wrong number of positionals
 * are wrong usage (`E_USAGE`, exit code 2).
 */
export function parseOptions<const S extends OptionSpec>(
  command: string,
  args: readonly string[],
  spec: S,
  positionals: readonly string[] = [],
): { readonly values: Values<S>; readonly positionals: readonly string[] } {
  const remedy = `see redbutton ${command} --help`;
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: [...args],
      options: spec as Record<string, { type: 'string' | 'boolean' }>,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw badInput('E_USAGE', `${command}: ${messageOf(error)}`, remedy, error);
  }
  if (parsed.positionals.length !== positionals.length) {
    const wanted = positionals.length === 0 ? 'no argument' : positionals.join(' ');
    throw badInput(
      'E_USAGE',
      `${command}: expected ${wanted}, got ${parsed.positionals.length} arguments`,
      remedy,
    );
  }
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(spec)) {
    const given = parsed.values[name];
    values[name] = given ?? (option.type === 'boolean' ? false : option.multiple ? [] : undefined);
  }
  return { values: values as Values<S>, positionals: parsed.positionals };
}

/** The value of an option that must be there. */
export function required(command: string, name: string, value: string | undefined): string {
  if (value === undefined) {
    throw badInput('E_USAGE', `${command}: --${name} is missing`, `see redbutton ${command} --help`);
  }
  return value;
}
