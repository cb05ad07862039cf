import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { wipeFreeSpace } from '../../../src/box/first-boot/free-space.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-free-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('fills what is free up to a limit and leaves no file, nor one of a wiping that lost its power', async () => {
  writeFileSync(path.join(dir, 'redbutton-wiping.tmp'), 'half');
  expect(await wipeFreeSpace(dir, 2_500_000, statfsSync(dir).type)).toBe(2_500_000);
  expect(readdirSync(dir)).toEqual([]);
});

it('fills no file system but FAT', async () => {
  expect(await wipeFreeSpace(dir, 2_500_000)).toBe(0);
  expect(readdirSync(dir)).toEqual([]);
});
