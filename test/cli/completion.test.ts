import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { completedCommand, completionScript } from '../../src/cli/completion.js';

const all = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command));
const commands = all.map(completedCommand);

/** What bash offers for words typed so far, the last of them being completed. */
function offered(...words: string[]): string[] {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-completion-'));
  try {
    const file = path.join(dir, 'completion.bash');
    writeFileSync(file, completionScript('bash', commands));
    const typed = ['redbutton', ...words];
    const script = `complete() { :; }; source ${file}
      COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${typed.length - 1}
      _redbutton; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('shell completion', () => {
  it('offers every command in bash, and the options of each', () => {
    expect(offered('')).toEqual([...Object.keys(COMMANDS), '--help', '--version']);
    expect(offered('backt')).toEqual(['backtest']);
    expect(offered('backtest', '--fill')).toEqual(['--fill-at']);
    expect(offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(offered('nonsense', '--')).toEqual(['']);
  });

  it('names every command for zsh and fish', () => {
    for (const shell of ['zsh', 'fish'] as const) {
      const script = completionScript(shell, commands);
      for (const name of Object.keys(COMMANDS)) expect(script).toContain(name);
    }
  });

  it('reads an option from wherever a help text has it', () => {
    const { options, words } = completedCommand({
      name: 'turn',
      summary: '',
      help: 'Usage: redbutton turn left|right [--far]\n  --speed-max N, --json  how\na -- b non--option',
      run: async () => 0,
    });
    expect(options).toEqual(['far', 'help', 'json', 'speed-max']);
    expect(words).toEqual(['left', 'right']);
  });
});
