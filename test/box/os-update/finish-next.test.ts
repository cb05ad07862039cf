import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  finishNext,
  forgetAttempt,
  noteAttempt,
  readAttempt,
} from '../../../src/box/os-update/finish-next.js';

const CONFIG = 'arm_64bit=1\nos_prefix=a/\nkernel=vmlinuz\n';
const ON_A = 'root=PARTUUID=5242444e-02 ro';
const ON_B = 'root=PARTUUID=5242444e-04 ro';
const attempt = { slot: 'b', packages: ['libssl3t64 3.5.2'], atMs: 1 } as const;

describe('settling an update of the system', () => {
  let dir: string;
  const config = () => readFileSync(path.join(dir, 'config.txt'), 'utf8');
  const sound = () => Promise.resolve(null);
  const never = () => Promise.reject(new Error('nobody had to look'));

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-os-update-'));
    writeFileSync(path.join(dir, 'config.txt'), CONFIG);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('does nothing at an ordinary start', async () => {
    expect(await finishNext(dir, dir, ON_A, never)).toEqual({ outcome: 'none' });
    expect(config()).toBe(CONFIG);
  });

  it('keeps a new system only once it is sound, by writing over one letter', async () => {
    await noteAttempt(dir, attempt);
    const { ino } = statSync(path.join(dir, 'config.txt'));
    const unsound = await finishNext(dir, dir, ON_B, () => Promise.resolve('guard and trader: failed'));
    expect(unsound).toMatchObject({ outcome: 'unsound', detail: 'guard and trader: failed' });
    expect(config()).toBe(CONFIG);
    expect(await finishNext(dir, dir, ON_B, sound)).toMatchObject({ outcome: 'kept', attempt });
    expect(config()).toBe(CONFIG.replace('=a/', '=b/'));
    expect(statSync(path.join(dir, 'config.txt')).ino).toBe(ino);
    // Power failed before the attempt was forgotten: it is kept again, and no letter is turned back.
    expect(await finishNext(dir, dir, ON_B, sound)).toMatchObject({ outcome: 'kept' });
    expect(config()).toBe(CONFIG.replace('=a/', '=b/'));
    await forgetAttempt(dir);
    expect(await readAttempt(dir)).toBeNull();
  });

  it('says that the old system runs when the new one did not come up', async () => {
    await noteAttempt(dir, attempt);
    expect(await finishNext(dir, dir, ON_A, never)).toMatchObject({ outcome: 'fallen_back', attempt });
    expect(config()).toBe(CONFIG);
  });

  it('takes a half-written note for none', async () => {
    writeFileSync(path.join(dir, 'attempt.json'), '{"slot":');
    expect(await finishNext(dir, dir, ON_B, never)).toEqual({ outcome: 'none' });
  });
});
