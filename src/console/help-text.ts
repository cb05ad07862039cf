import { type Form, type OptionSpec, type OptionTable, placeholderOf, takesValue } from './option-table.js';
import { COLUMNS, NO_BREAK, wrapped } from './wrap.js';

/** Names longer than this stand on a line of their own, above what they do. */
const NAME_WIDTH_MAX = 24;

/** Options and what they do, in at most 80 columns. */
export function optionsHelp(options: OptionTable): string {
  const rows = Object.entries(options).map(
    ([name, spec]) => [optionText(name, spec), describe(spec)] as const,
  );
  const width = Math.max(...rows.map(([name]) => name.length).filter((length) => length <= NAME_WIDTH_MAX));
  const indent = ' '.repeat(width + 4);
  const lines = rows.flatMap(([name, does]) => {
    const [first = '', ...rest] = wrapped(does, COLUMNS - indent.length);
    const head = name.length > width ? [`  ${name}`, indent + first] : [`  ${name.padEnd(width)}  ${first}`];
    return [...head, ...rest.map((line) => indent + line)];
  });
  return `${lines.join('\n')}\n`;
}

const optionText = (name: string, spec: OptionSpec) =>
  takesValue(spec) ? `--${name} ${placeholderOf(spec)}` : `--${name}`;

function describe({ help, choices, value, many, default: plain, otherwise = plain }: OptionSpec): string {
  const listed =
    value !== undefined && choices !== undefined && !choices.every((choice) => help.includes(choice));
  return [
    help,
    listed ? `: ${choices.join(', ')}` : '',
    many ? '; may be given again' : '',
    otherwise === undefined ? '' : ` (default:${NO_BREAK}${otherwise})`,
  ].join('');
}

/** One way to call a command, with all of its options where they fit into a line. */
export function usageLine(command: string, { options, operands }: Form): string {
  const words = Object.values(operands).map((spec) =>
    spec.optional ? `[${placeholderOf(spec)}]` : placeholderOf(spec),
  );
  const needed: string[] = [];
  const free: string[] = [];
  for (const [name, spec] of Object.entries(options)) {
    if (spec.required) needed.push(optionText(name, spec));
    else free.push(`[${optionText(name, spec)}]`);
  }
  const base = ['redbutton', command, ...words, ...needed].join(' ');
  const full = [base, ...free].join(' ');
  return full.length <= COLUMNS - USAGE.length ? full : `${base} [OPTION ...]`;
}

const USAGE = 'Usage: ';

/** The ways to call a command; one that is too long continues below, broken between its options. */
function usageText(ways: readonly string[]): string {
  const lines = ways.flatMap((way) => {
    const parts = way
      .match(/\[[^\]]*\]|--\S+ [^[\s-]\S*|\S+/g)!
      .map((part) => part.replaceAll(' ', NO_BREAK));
    const [first = '', ...rest] = wrapped(parts.join(' '), COLUMNS - USAGE.length);
    const indent = ' '.repeat(way.split(' ', 2).join(' ').length + 1);
    return [
      first,
      ...wrapped(rest.join(' '), COLUMNS - USAGE.length - indent.length).map((line) => indent + line),
    ];
  });
  const shown = lines.filter((line) => line.trim() !== '');
  return `${shown.map((line, i) => (i === 0 ? USAGE : ' '.repeat(USAGE.length)) + line).join('\n')}\n`;
}

/** A page of paragraphs and tables of options, with a blank line between any two. */
export function helpPage(usage: readonly string[], blocks: readonly (string | OptionTable)[]): string {
  const texts = blocks.map((block) => (typeof block === 'string' ? refilled(block) : optionsHelp(block)));
  return [usageText(usage), ...texts].map((text) => `${text.trimEnd()}\n`).join('\n');
}

/** Prose broken again to the width; lines that are indented, or aligned with blanks, stay as they are. */
function refilled(text: string): string {
  const lines: string[] = [];
  let prose: string[] = [];
  const flush = () => {
    if (prose.length > 0) lines.push(...wrapped(prose.join(' '), COLUMNS));
    prose = [];
  };
  for (const line of text.split('\n')) {
    if (line !== '' && !/^ | {2}/.test(line)) {
      prose.push(line);
      continue;
    }
    flush();
    lines.push(line);
  }
  flush();
  return lines.join('\n');
}
