import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { badInput, messageOf } from '../core/errors.js';
import { timeframeMs } from '../core/timeframe.js';
import { readPlainText } from './plain-text.js';
import { type Config, configSchema } from './schema.js';

/**
 * Reads a TOML configuration file, fills in the defaults and freezes the result.
 * All mistakes are reported together, each with its path and what was expected (`E_CONFIG`, exit code 2).
 */
export function loadConfig(file: string): Config {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw badInput(
      'E_CONFIG_READ',
      `cannot read ${file}: ${messageOf(error)}`,
      'name a readable file with --config',
      error,
    );
  }
  const read = readPlainText(bytes);
  if ('mistake' in read)
    throw badInput('E_CONFIG_TOML', `${file}: ${read.mistake}`, 'save the file as UTF-8');
  return parseConfig(read.text, file);
}

/** The same from text; `place` names the source in messages. */
export function parseConfig(source: string, place: string): Config {
  let raw: unknown;
  try {
    raw = parse(source);
  } catch (error) {
    const at = error instanceof TomlError ? `:${error.line}:${error.column}` : '';
    const what = messageOf(error).split('\n')[0];
    throw badInput('E_CONFIG_TOML', `${place}${at} is not TOML: ${what}`, 'correct that line', error);
  }
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) {
    throw badInput(
      'E_CONFIG',
      `${place} has ${count(parsed.error.issues)}:\n${describeIssues(parsed.error.issues)
        .map((line) => `  ${line}`)
        .join('\n')}`,
      'fix all of them and start again; docs/configuration.md lists every key',
      parsed.error,
    );
  }
  timeframeMs(parsed.data.timeframe);
  return deepFreeze(parsed.data);
}

function count(issues: readonly unknown[]): string {
  return issues.length === 1 ? '1 mistake' : `${issues.length} mistakes`;
}

/** One line a mistake: its path below `prefix`, and what was expected. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly PropertyKey[] = [],
): string[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${pathText([...path, key])}: no such key`);
    }
    // Of a key that is refused itself, the reason stands one level down.
    const message = issue.code === 'invalid_key' ? issue.issues[0]!.message : issue.message;
    return [
      `${pathText(path)}: ${message.replace(/^Invalid input: /, '').replace(/, received undefined$/, ', and it is missing')}`,
    ];
  });
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)';
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
