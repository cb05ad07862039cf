// @module-tag processes

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/notices.mjs', import.meta.url));

describe('the notices of what is handed out', () => {
  let tree: string;
  beforeEach(() => {
    tree = mkdtempSync(path.join(tmpdir(), 'redbutton-notices-'));
  });
  afterEach(() => rmSync(tree, { recursive: true, force: true }));

  function add(place: string, manifest: object, files: Record<string, string> = {}) {
    const folder = path.join(tree, 'node_modules', place);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    return folder;
  }
  function write() {
    const { status, stderr } = spawnSync(process.execPath, [script, tree], { encoding: 'utf8' });
    return { status, stderr };
  }
  const sound = { name: 'sound', version: '1.0.0', license: 'ISC' };

  it('have the texts of every package, those inside others and scopes too', () => {
    add('sound', sound, { LICENSE: 'Copyright Ann', 'NOTICE.md': 'and Bob' });
    add(
      'sound/node_modules/@inner/part',
      { name: '@inner/part', version: '2.0.0', license: '(MIT OR GPL-3.0-only)' },
      {
        'license.txt': 'Copyright Cid',
      },
    );
    expect(write()).toEqual({ status: 0, stderr: '' });
    const text = readFileSync(path.join(tree, 'THIRD-PARTY-NOTICES'), 'utf8');
    for (const part of [
      'sound 1.0.0: ISC',
      '@inner/part 2.0.0: (MIT OR GPL-3.0-only)',
      'Copyright Ann',
      'and Bob',
      'Copyright Cid',
      '/usr/share/doc/node/copyright',
    ])
      expect(text).toContain(part);
  });

  it.each([
    ['no licence', {}, { LICENSE: 'x' }, 'odd 1.0.0 names no licence in its package.json'],
    [
      'an old form of it',
      { license: { type: 'MIT' } },
      { LICENSE: 'x' },
      'odd 1.0.0 names no licence in its package.json',
    ],
    [
      'copyleft',
      { license: 'AGPL-3.0' },
      { LICENSE: 'x' },
      'odd 1.0.0 is under AGPL-3.0, which is not on the list',
    ],
    [
      'copyleft beside another',
      { license: 'MIT AND GPL-2.0-only' },
      { LICENSE: 'x' },
      'which is not on the list',
    ],
    [
      'copyleft before brackets',
      { license: 'GPL-3.0-only AND (MIT OR ISC)' },
      { LICENSE: 'x' },
      'which is not on the list',
    ],
    ['no licence at all', { license: 'UNLICENSED' }, { LICENSE: 'x' }, 'which is not on the list'],
    [
      'no text',
      { license: 'MIT' },
      {},
      'odd 1.0.0 brings no licence text: put its copyright line into licenses/bundled.json',
    ],
  ])('are refused for a package with %s, in one sentence', (_, more, files, sentence) => {
    add('sound', sound, { LICENSE: 'x' });
    add('odd', { name: 'odd', version: '1.0.0', ...more }, files);
    const { status, stderr } = write();
    expect(status).toBe(1);
    expect(stderr).toContain(`notices: odd 1.0.0`);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('are refused for compiled code of which nobody has said what is inside, and for another version than that', () => {
    const folder = add('odd', { name: 'odd', version: '1.0.0', license: 'MIT' }, { LICENSE: 'x' });
    mkdirSync(path.join(folder, 'build'));
    copyFileSync(process.execPath, path.join(folder, 'build/thing'));
    expect(write()).toEqual({
      status: 1,
      stderr: 'notices: odd 1.0.0 has compiled code: say in licenses/bundled.json what is inside\n',
    });
    rmSync(folder, { recursive: true });
    add('onnxruntime-node', { name: 'onnxruntime-node', version: '999.0.0', license: 'MIT' });
    const { status, stderr } = write();
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^notices: licenses\/bundled.json is about onnxruntime-node .*, and 999.0.0 is handed out: .*\n$/,
    );
  });
});
