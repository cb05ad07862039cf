// @module-tag processes

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/foreign-binaries.mjs', import.meta.url));
const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-foreign-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The head of an ELF file; `system` is its OS ABI. */
function elf(machine: number, { bigEndian = false, system = 0 } = {}): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 'latin1');
  head.set([2, bigEndian ? 2 : 1, 1, system], 4);
  if (bigEndian) head.writeUInt16BE(machine, 18);
  else head.writeUInt16LE(machine, 18);
  return head;
}

function pe(): Buffer {
  const file = Buffer.alloc(256);
  file.write('MZ', 'latin1');
  file.writeUInt32LE(128, 60);
  file.write('PE\0\0', 128, 'latin1');
  return file;
}

const magic = (number: number) => {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(number, 0);
  return head;
};

// Named as nothing that would give them away
const FILES: Record<string, Buffer | string> = {
  'ours/addon.node': elf(183),
  'ours/libmodel.so.1': elf(183, { system: 3 }),
  'ours/notes.txt':
    'MZ is how this text begins, and it is long enough to be the head of a program for Windows.',
  'ours/short': 'MZ',
  'ours/empty': '',
  'deep/in/here/a': elf(62),
  'deep/b.node': elf(40),
  'deep/c.node': elf(183, { bigEndian: true }),
  'deep/d.node': elf(183, { system: 9 }),
  'deep/e.js': elf(62),
  'mac/f': magic(0xfeedfacf),
  'mac/g': magic(0xcffaedfe),
  'mac/h': magic(0xcafebabe),
  'windows/i': pe(),
};
for (const [name, content] of Object.entries(FILES)) {
  mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
  writeFileSync(path.join(dir, name), content);
}
const foreign = Object.keys(FILES).filter((name) => !name.startsWith('ours/'));
const run = (...args: string[]) =>
  spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    env: { ...process.env, npm_config_cpu: '', npm_config_arch: 'arm64' },
  });

it('names compiled code of other machines and systems by its content, and nothing else', () => {
  const { status, stderr } = run(dir);
  expect(status).toBe(1);
  const lines = stderr.trim().split('\n');
  expect(lines.map((line) => path.relative(dir, line.split(' is for ')[0]!)).sort()).toEqual(foreign.sort());
  expect(lines.find((line) => line.includes('windows/i'))).toMatch(/is for win32, not for linux-arm64$/);
  expect(run(path.join(dir, 'ours'))).toMatchObject({ status: 0, stderr: '' });
});

it('removes it when told to', () => {
  expect(run('--remove', dir)).toMatchObject({ status: 0, stderr: '' });
  for (const name of Object.keys(FILES))
    expect(existsSync(path.join(dir, name)), name).toBe(name.startsWith('ours/'));
  expect(run(dir).status).toBe(0);
});
