import { badInput, EXIT } from '../core/errors.js';
import { type Command, parseOptions } from './command.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** What a shell needs to know of one command. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** Without the two hyphens. */
  readonly options: readonly string[];
  /** Words that may follow the command, as in `model list`. */
  readonly words: readonly string[];
}

export const command: Command = {
  name: 'completion',
  summary: 'print a script that completes commands in your shell',
  help: `Usage: redbutton completion bash|zsh|fish

Prints a script that completes the commands of redbutton and their options; made
from the commands themselves. To have it in each new shell:

  bash   redbutton completion bash > ~/.local/share/bash-completion/completions/redbutton
  zsh    redbutton completion zsh > "\${fpath[1]}/_redbutton"
  fish   redbutton completion fish > ~/.config/fish/completions/redbutton.fish
`,

  async run(args, io) {
    const { positionals } = parseOptions('completion', args, {}, ['bash|zsh|fish']);
    const shell = SHELLS.find((known) => known === positionals[0]);
    if (shell === undefined) {
      throw badInput(
        'E_USAGE',
        `completion: ${JSON.stringify(positionals[0])} is no shell we know`,
        `name one of ${SHELLS.join(', ')}`,
      );
    }
    // Here and not above: the list holds this command too.
    const { COMMANDS } = await import('./commands.js');
    const all = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command));
    io.stdout.write(completionScript(shell, all.map(completedCommand)));
    return EXIT.fine;
  },
};

/** What a command's own help says of its options and of the words that follow it. */
export function completedCommand({ name, summary, help }: Command): CompletedCommand {
  const options = new Set([...help.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map((match) => match[1]!));
  options.add('help');
  const words = new Set<string>();
  for (const [, alternatives] of help.matchAll(new RegExp(`redbutton ${name} ([a-z][a-z|-]*)`, 'g'))) {
    for (const word of alternatives!.split('|')) words.add(word);
  }
  return { name, summary, options: [...options].sort(), words: [...words].sort() };
}

/** The script for a shell. Pure, so that it can be tested without one. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  if (shell === 'bash') return bashScript(commands);
  return shell === 'zsh' ? zshScript(commands) : fishScript(commands);
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands
    .map(({ name, options, words }) => `    ${name}) words="${[...words, ...dashed(options)].join(' ')}" ;;`)
    .join('\n');
  return `_redbutton() {
  local word=\${COMP_WORDS[COMP_CWORD]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --help --version" -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _redbutton redbutton
`;
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n');
  const cases = commands
    .map(
      ({ name, options, words }) => `    ${name}) compadd -- ${[...words, ...dashed(options)].join(' ')} ;;`,
    )
    .join('\n');
  return `#compdef redbutton
_redbutton() {
  local -a commands
  commands=(
${described}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases}
  esac
  _files
}
if [ "$funcstack[1]" = _redbutton ]; then _redbutton "$@"; else compdef _redbutton redbutton; fi
`;
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, summary, options, words }) => [
    `complete -c redbutton -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...options.map((option) => `complete -c redbutton -n "__fish_seen_subcommand_from ${name}" -l ${option}`),
    ...(words.length === 0
      ? []
      : [`complete -c redbutton -n "__fish_seen_subcommand_from ${name}" -a ${quoted(words.join(' '))}`]),
  ]);
  return `${lines.join('\n')}\n`;
}

const dashed = (options: readonly string[]) => options.map((option) => `--${option}`);

/** In single quotes, which both shells take alike. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
