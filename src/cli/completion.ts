import { defineCommand } from '../console/command.js';
import { EXIT } from '../core/errors.js';
import { completionScript, SHELLS } from './completion-script.js';

export const command = defineCommand({
  name: 'completion',
  summary: 'print a script that completes commands in your shell',
  about: `Prints a script that completes the commands of redbutton, their options and
values; made from the commands themselves. To have it in each new shell:

  bash   redbutton completion bash \\
           > ~/.local/share/bash-completion/completions/redbutton
  zsh    redbutton completion zsh > "\${fpath[1]}/_redbutton"
  fish   redbutton completion fish > ~/.config/fish/completions/redbutton.fish`,
  operands: { shell: { choices: SHELLS } },
  options: {},
  async run({ shell }, io) {
    // Here and not above: the list holds this command too.
    const { COMMANDS } = await import('./commands.js');
    const all = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command));
    io.stdout.write(completionScript(shell, all));
    return EXIT.fine;
  },
});
