// @module-tag processes

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { LED_DEAD, LED_PATTERNS } from '../../src/guard/led.js';

const root = new URL('../../', import.meta.url);
const page = (name: string) => readFileSync(new URL(`docs/${name}`, root), 'utf8');
const PAGES = ['box.md', 'operations.md'];

/** Lines of the pages' shell blocks, as the owner is to type them. */
const commands = PAGES.flatMap((name) =>
  [...page(name).matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    block!
      .trim()
      .split('\n')
      .map((line) => ({ name, line })),
  ),
);

const optionsOf = (line: string) => line.match(/--[a-z-]+/g) ?? [];

describe('the pages for the owner', () => {
  it('have commands', () => {
    expect(commands.length).toBeGreaterThan(15);
  });

  it.each(commands)('$name: $line', async ({ line }) => {
    // Nothing that a shell would not take.
    expect(spawnSync('bash', ['-n', '-c', line], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
    const words = line.replace(/^sudo /, '').split(' ');
    if (words[0] === 'redbutton') {
      const load = COMMANDS[words[1]!];
      expect(load, words[1]).toBeDefined();
      const { help } = (await load!()).command;
      for (const option of optionsOf(line)) if (option !== '--help') expect(help).toContain(option);
    } else if (words[0]!.startsWith('scripts/')) {
      const script = fileURLToPath(new URL(words[0]!, root));
      expect(existsSync(script)).toBe(true);
      expect(statSync(script).mode & 0o111).not.toBe(0);
      for (const option of optionsOf(line)) expect(readFileSync(script, 'utf8')).toContain(option);
    } else
      expect(['systemctl', 'journalctl', 'ssh-keygen', 'nft', 'cd', 'xzcat', 'install', 'nano']).toContain(
        words[0],
      );
  });

  it('explain the LED as the guard drives it', () => {
    const rows = [...page('box.md').matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)].map((row) => [row[1], row[2]]);
    for (const { name, meaning } of [LED_DEAD, ...LED_PATTERNS]) expect(rows).toContainEqual([name, meaning]);
  });

  it('name units and files that there are', () => {
    for (const name of PAGES) {
      for (const [, unit] of page(name).matchAll(/`(redbutton[\w-]*\.(?:service|timer))`/g))
        expect(existsSync(new URL(`systemd/${unit}`, root)), unit).toBe(true);
      for (const [, link] of page(name).matchAll(/\]\(([\w./-]+\.md)\)/g))
        expect(existsSync(new URL(`docs/${link}`, root)), link).toBe(true);
    }
  });

  it('wire the pins of the defaults', () => {
    const text = page('box.md');
    expect(text).toMatch(/pin 29 \(GPIO 5\)/);
    expect(text).toMatch(/pin 11 \(GPIO 17\)/);
    expect(readFileSync(new URL('src/config/schema.ts', root), 'utf8')).toMatch(/buttonLine: .*default\(5\)/);
    expect(readFileSync(new URL('src/config/schema.ts', root), 'utf8')).toMatch(/ledLine: .*default\(17\)/);
  });
});
