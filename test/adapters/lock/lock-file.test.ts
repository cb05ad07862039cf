import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { holdLock } from '../../../src/adapters/lock/lock-file.js';

it('is held by one at a time, and given back', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
  const file = path.join(dir, 'lock');
  const release = holdLock(file, 'guard');
  expect(() => holdLock(file, 'guard')).toThrow(expect.objectContaining({ code: 'E_LOCKED' }));
  release();
  holdLock(file, 'guard')();
  expect(() => holdLock(path.join(dir, 'none/lock'), 'guard')).toThrow(
    expect.objectContaining({ code: 'E_LOCK' }),
  );
  rmSync(dir, { recursive: true });
});
