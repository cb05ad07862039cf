import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { whyNotApart } from '../../src/guard/second-place.js';

it('a second record on the file system of the first is named as none, another one and one that is missing are not', async () => {
  const dirs = [tmpdir(), '/dev/shm'].map((base) => mkdtempSync(path.join(base, 'rb-place-')));
  try {
    const [here, apart] = dirs as [string, string];
    const first = path.join(here, 'armed');
    for (const dir of dirs) writeFileSync(path.join(dir, 'second'), '');
    // The first record is not there yet on a new box.
    expect(await whyNotApart(first, path.join(here, 'second'))).toMatch(/lies on the same file system/);
    expect(await whyNotApart(first, path.join(apart, 'second'))).toBeNull();
    expect(await whyNotApart(first, path.join(here, 'missing'))).toBeNull();
  } finally {
    for (const dir of dirs) rmSync(dir, { recursive: true });
  }
});
