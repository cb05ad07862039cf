// @module-tag processes

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { completionScript } from '../../src/cli/completion-script.js';
import { takesValue } from '../../src/console/option-table.js';

const commands = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command));
const scripts = {
  bash: completionScript('bash', commands),
  zsh: completionScript('zsh', commands),
  fish: completionScript('fish', commands),
};
const forms = commands.flatMap(({ name, forms }) =>
  Object.entries(forms).map(([verb, form]) => ({ words: [name, verb].filter((word) => word !== ''), form })),
);

/** What bash offers for each of the lines, the last word of each being completed; `FILES default` where it offers files. */
function offeredFor(lines: readonly (readonly string[])[]): string[][] {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-completion-'));
  try {
    const file = path.join(dir, 'completion.bash');
    writeFileSync(file, scripts.bash);
    const each = lines.map((words) => {
      const typed = ['redbutton', ...words];
      return `COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${typed.length - 1}; files=
        _redbutton; printf '%s ' "\${COMPREPLY[@]}" $files; echo`;
    });
    const script = `complete() { :; }; compopt() { files="FILES $2"; }; source ${file}\n${each.join('\n')}`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const offered = (...words: string[]) => offeredFor([[...words], ['status', '--json']])[0]!;

describe('shell completion', () => {
  it('offers every command in bash, its verbs, and the options of each', () => {
    expect(offered('')).toEqual([...Object.keys(COMMANDS), '--help', '--version']);
    expect(offered('backt')).toEqual(['backtest']);
    expect(offered('backtest', '--fill')).toEqual(['--fill-at']);
    expect(offered('model', 'ro')).toEqual(['rollback']);
    expect(offered('model', 'list', '--')).toEqual(['--models', '--config', '--json', '--help']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish', '--help']);
    expect(offered('nonsense', '--')).toEqual(['']);
  });

  it('offers in bash what fits an option: its choices, files, folders, or nothing', () => {
    expect(offered('train', '--calendar', '')).toEqual(['24x7', 'weekdays']);
    expect(offered('train', '--calendar', '=', 'we')).toEqual(['weekdays']);
    expect(offered('train', '--calendar', '=')).toEqual(['24x7', 'weekdays']);
    expect(offered('train', '--candles', '')).toEqual(['FILES', 'default']);
    expect(offered('train', '--out', '')).toEqual(['FILES', 'dirnames']);
    expect(offered('train', '--trees', '')).toEqual(['']);
    expect(offered('validate', 'candles')).toEqual(['FILES', 'default']);
  });

  it('has every option of every command in all three shells', () => {
    const inBash = offeredFor(forms.map(({ words }) => [...words, '--']));
    forms.forEach(({ words, form }, i) => {
      const options = [...Object.keys(form.options), 'help'];
      expect(inBash[i]!.filter((word) => word.startsWith('--')).sort(), words.join(' ')).toEqual(
        options.map((name) => `--${name}`).sort(),
      );
      const zsh = scripts.zsh.split('\n').find((line) => line.startsWith(`    '${words.join(' ')}') `));
      for (const [name, spec] of Object.entries(form.options)) {
        expect(zsh).toMatch(new RegExp(`'\\*?--${name}${takesValue(spec) ? '=' : ''}\\[`));
        const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
        expect(scripts.fish).toContain(`-n "${seen}" -l ${name} `);
      }
    });
    for (const name of Object.keys(COMMANDS)) expect(scripts.zsh).toContain(`'${name}:`);
  });
});
