import type { Command } from '../console/command.js';
import { type Form, type OptionSpec, placeholderOf, takesValue } from '../console/option-table.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Completed = Pick<Command, 'name' | 'summary' | 'forms'>;

/** The script for a shell. Pure, so that it can be tested without one. */
export function completionScript(shell: (typeof SHELLS)[number], commands: readonly Completed[]): string {
  if (shell === 'bash') return bashScript(commands);
  return shell === 'zsh' ? zshScript(commands) : fishScript(commands);
}

interface Way {
  /** `train`, or `model list`. */
  readonly name: string;
  readonly form: Form;
}

const verbsOf = ({ forms }: Completed) => Object.keys(forms).filter((verb) => verb !== '');

const waysOf = (commands: readonly Completed[]): readonly Way[] =>
  commands.flatMap(({ name, forms }) =>
    Object.entries(forms).map(([verb, form]) => ({ name: `${name} ${verb}`.trim(), form })),
  );

const withVerbs = (commands: readonly Completed[]) =>
  commands.filter((command) => verbsOf(command).length > 0);

const optionsOf = ({ form }: Way): readonly (readonly [string, OptionSpec])[] => [
  ...Object.entries(form.options),
  ['help', { help: 'print the help of the command' }],
];

/** Words that may stand as operands. */
const choicesOf = ({ form }: Way) => Object.values(form.operands).flatMap(({ choices }) => choices ?? []);
const takesFiles = ({ form }: Way) =>
  Object.values(form.operands).some(({ completes }) => completes !== undefined);

function bashScript(commands: readonly Completed[]): string {
  const ways = waysOf(commands);
  const verbs = withVerbs(commands).map(
    (command) =>
      `    ${command.name}) if [ "$at" -eq 2 ]; then _redbutton_words "${[...verbsOf(command), '--help'].join(' ')}"; return; fi; way="$way \${COMP_WORDS[2]}" ;;`,
  );
  const values = ways.flatMap((way) =>
    optionsOf(way)
      .filter(([, spec]) => takesValue(spec))
      .map(([name, spec]) => `    '${way.name} --${name}') ${bashValue(spec)}; return ;;`),
  );
  const words = ways.map((way) => {
    const all = [...choicesOf(way), ...optionsOf(way).map(([name]) => `--${name}`)];
    const files = takesFiles(way) ? '; [[ $word == -* ]] || _redbutton_files default' : '';
    return `    '${way.name}') _redbutton_words "${all.join(' ')}"${files} ;;`;
  });
  return `_redbutton_words() { COMPREPLY=($(compgen -W "$1" -- "$word")); }
_redbutton_files() { compopt -o "$1"; }
_redbutton() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at=$COMP_CWORD way=\${COMP_WORDS[1]}
  COMPREPLY=()
  # --option=value comes as three words.
  if [ "$word" = = ]; then word=; elif [ "$before" = = ]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [ "$at" -eq 1 ]; then
    _redbutton_words "${commands.map(({ name }) => name).join(' ')} --help --version"
    return
  fi
  case $way in
${verbs.join('\n')}
  esac
  case "$way $before" in
${values.join('\n')}
  esac
  case $way in
${words.join('\n')}
  esac
}
complete -F _redbutton redbutton
`;
}

function bashValue({ choices, completes }: OptionSpec): string {
  if (choices !== undefined) return `_redbutton_words "${choices.join(' ')}"`;
  if (completes === undefined) return ':';
  return `_redbutton_files ${completes === 'file' ? 'default' : 'dirnames'}`;
}

function zshScript(commands: readonly Completed[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const verbs = withVerbs(commands).map(
    (command) =>
      `    ${command.name}) if (( CURRENT == 2 )); then compadd -- ${verbsOf(command).join(' ')}; return; fi; way="$way $words[2]"; shift words; (( CURRENT-- )) ;;`,
  );
  const cases = waysOf(commands).map((way) => {
    const options = optionsOf(way).map(([name, spec]) => zshOption(name, spec));
    const operands = Object.values(way.form.operands).map(
      (spec) => `:${zshText(placeholderOf(spec))}:${zshAction(spec)}`,
    );
    return `    '${way.name}') _arguments ${[...options, ...operands].map(quoted).join(' ')} ;;`;
  });
  return `#compdef redbutton
_redbutton() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words; (( CURRENT-- ))
  local way=$words[1]
  case $way in
${verbs.join('\n')}
  esac
  case $way in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _redbutton ]; then _redbutton "$@"; else compdef _redbutton redbutton; fi
`;
}

function zshOption(name: string, spec: OptionSpec): string {
  const again = spec.many ? '*' : '';
  const text = `[${zshText(spec.help)}]`;
  if (!takesValue(spec)) return `--${name}${text}`;
  return `${again}--${name}=${text}:${zshText(placeholderOf(spec))}:${zshAction(spec)}`;
}

function zshAction({ choices, completes }: Pick<OptionSpec, 'choices' | 'completes'>): string {
  if (choices !== undefined) return `(${choices.join(' ')})`;
  if (completes === undefined) return ' ';
  return completes === 'file' ? '_files' : '_files -/';
}

/** What \`_arguments\` reads as its own is taken for text. */
const zshText = (text: string) => text.replaceAll('\n', ' ').replace(/[[\]:\\]/g, '\\$&');

function fishScript(commands: readonly Completed[]): string {
  const verbs = new Map(commands.map((command) => [command.name, verbsOf(command)]));
  const named = commands.map(
    ({ name, summary }) =>
      `complete -c redbutton -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
  );
  const ofVerbs = withVerbs(commands).map((command) => {
    const words = verbsOf(command).join(' ');
    const when = `__fish_seen_subcommand_from ${command.name}; and not __fish_seen_subcommand_from ${words}`;
    return `complete -c redbutton -n "${when}" -f -a ${quoted(words)}`;
  });
  const lines = waysOf(commands).flatMap((way) => {
    const [name, verb] = way.name.split(' ');
    const when =
      verb === undefined || verbs.get(name!)!.length === 0
        ? `__fish_seen_subcommand_from ${name}`
        : `__fish_seen_subcommand_from ${name}; and __fish_seen_subcommand_from ${verb}`;
    const start = `complete -c redbutton -n "${when}"`;
    const choices = choicesOf(way);
    return [
      ...optionsOf(way).map(
        ([option, spec]) => `${start} -l ${option}${fishValue(spec)} -d ${quoted(fishText(spec))}`,
      ),
      ...(choices.length === 0 ? [] : [`${start} -f -a ${quoted(choices.join(' '))}`]),
    ];
  });
  return `${[...named, ...ofVerbs, ...lines].join('\n')}\n`;
}

const fishText = ({ help }: OptionSpec) => help.replaceAll('\n', ' ');

function fishValue(spec: OptionSpec): string {
  const { choices, completes } = spec;
  if (!takesValue(spec)) return '';
  if (choices !== undefined) return ` -x -a ${quoted(choices.join(' '))}`;
  if (completes === undefined) return ' -x';
  return completes === 'file' ? ' -r -F' : ` -x -a ${quoted('(__fish_complete_directories)')}`;
}

/** In single quotes, which all three shells take alike. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
