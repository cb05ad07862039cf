import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  copyOver,
  removeLeftovers,
  renameDurably,
  replaceDurably,
  writeDurably,
} from '../../../src/adapters/files/durable-file.js';
import { createModelDirectory } from '../../../src/adapters/files/model-directory.js';
import { watchSyncs } from '../../support/syncs.js';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-durable-'));
  file = path.join(dir, 'note.json');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});
const temporary = /\/\.note\.json\.[0-9a-f]{12}\.tmp$/;

describe('a durable write', () => {
  it('syncs the file under another name, then the folder that has the name', async () => {
    writeFileSync(file, 'old');
    let before = '';
    const synced = await watchSyncs((name) => {
      if (temporary.test(name)) before = readFileSync(file, 'utf8');
      return false;
    });
    await writeDurably(file, ['n', 'ew'], 0o600);
    expect(synced).toEqual([expect.stringMatching(temporary), dir]);
    expect(before).toBe('old');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['content that fails', async () => writeDurably(file, failingChunks()), 'the second chunk'],
    ['a disk that does not sync the file', () => failingSync(temporary), 'EIO'],
    ['a disk that is full', () => writeDurably(path.join(file, 'below'), 'new'), 'ENOTDIR'],
  ])('leaves the old file whole and nothing beside it after %s', async (_what, write, why) => {
    writeFileSync(file, 'old');
    await expect(write()).rejects.toMatchObject({ code: 'E_WRITE', message: expect.stringContaining(why) });
    expect(readdirSync(dir)).toEqual(['note.json']);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });
  function* failingChunks(): Iterable<string> {
    yield 'new';
    throw new Error('the second chunk cannot be had');
  }
  async function failingSync(which: RegExp): Promise<void> {
    await watchSyncs((name) => which.test(name));
    await writeDurably(file, 'new');
  }

  it('fails where the folder is not synced, and hands an appending writer the file that has the name', async () => {
    await watchSyncs((name) => name === dir);
    await expect(writeDurably(file, 'first')).rejects.toMatchObject({
      code: 'E_WRITE',
      message: expect.stringContaining('is written, but its folder could not be synced'),
    });
    expect(readFileSync(file, 'utf8')).toBe('first');
    let placed: FileHandle | undefined;
    const replacing = replaceDurably(file, 'second', 0o600, (handle) => {
      placed = handle;
    });
    await expect(replacing).rejects.toMatchObject({ code: 'E_WRITE' });
    await placed!.write(' and more', 'second'.length);
    await placed!.close();
    expect(readFileSync(file, 'utf8')).toBe('second and more');
    expect(readdirSync(dir)).toEqual(['note.json']);
  });

  it('removes what a power cut left of it, and nothing else', async () => {
    const others = ['.note.json.tmp', '.note_json.0123456789ab.tmp', '.other.0123456789ab.tmp', 'note.json'];
    for (const name of ['.note.json.0123456789ab.tmp', ...others]) writeFileSync(path.join(dir, name), '');
    await removeLeftovers(file);
    expect(readdirSync(dir).sort()).toEqual(others.sort());
  });
});

describe('a durable rename', () => {
  it('syncs the folder that has the new name, and the one that had the old one', async () => {
    const from = path.join(dir, 'from');
    mkdirSync(from);
    writeFileSync(path.join(from, 'a'), '');
    const synced = await watchSyncs();
    await renameDurably(path.join(from, 'a'), path.join(from, 'b'));
    await renameDurably(path.join(from, 'b'), path.join(dir, 'b'));
    expect(synced).toEqual([from, dir, from]);
  });
});

describe('a copy put over a file', () => {
  const from = () => path.join(dir, 'copy');
  beforeEach(() => {
    writeFileSync(file, 'old');
    writeFileSync(from(), 'new');
    chmodSync(from(), 0o640);
    if (process.getuid?.() === 0) chownSync(from(), 4711, 4712);
  });

  it('has the mode and owner of what was copied, and is durable', async () => {
    const synced = await watchSyncs();
    await copyOver(from(), file);
    const { mode, uid, gid } = statSync(file);
    const wanted = statSync(from());
    expect([readFileSync(file, 'utf8'), mode, uid, gid]).toEqual([
      'new',
      wanted.mode,
      wanted.uid,
      wanted.gid,
    ]);
    expect(synced).toEqual([expect.stringMatching(temporary), dir]);
  });

  it('leaves the old file whole and nothing beside it where it fails', async () => {
    await watchSyncs((name) => temporary.test(name));
    await expect(copyOver(from(), file)).rejects.toMatchObject({ code: 'E_WRITE' });
    await expect(copyOver(path.join(dir, 'absent'), file)).rejects.toMatchObject({ code: 'E_WRITE' });
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['copy', 'note.json']);
  });
});

describe('a model put into the directory', () => {
  it('leaves nothing behind where it cannot be written, and is durable by its name where it can', async () => {
    const directory = createModelDirectory(dir);
    const failing = await watchSyncs((name) => name.includes('manifest'));
    await expect(directory.add('m1', Buffer.from('model'), '{}')).rejects.toMatchObject({ code: 'E_WRITE' });
    expect(failing.length).toBeGreaterThan(0);
    expect(readdirSync(dir)).toEqual([]);
    vi.restoreAllMocks();
    const synced = await watchSyncs();
    await directory.add('m1', Buffer.from('model'), '{}');
    expect(synced.at(-1)).toBe(dir);
    expect(readdirSync(dir)).toEqual(['m1']);
  });
});
