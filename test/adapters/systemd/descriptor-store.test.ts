// @module-tag processes

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { openDescriptorStore } from '../../../src/adapters/systemd/descriptor-store.js';
import { type Compiled, compile } from '../../support/compiled.js';
import { buildFdStore, type FdStore, runFdStore } from '../../support/fd-store/run-fd-store.js';

const CHILD = 'test/adapters/systemd/children/keeper.ts';
let compiled: Compiled;
let built: ReturnType<typeof buildFdStore>;
beforeAll(() => {
  compiled = compile([CHILD]);
  built = buildFdStore();
}, 240_000);
afterAll(() => {
  compiled.remove();
  built.remove();
});

let dir: string;
let store: FdStore;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
});
afterEach(async () => {
  await store?.dispose();
  rmSync(dir, { recursive: true });
});

/** Runs as many lives as there are words; what each life took, and what it was handed. */
async function live(...words: string[]) {
  const file = path.join(dir, 'kept');
  writeFileSync(file, 'one and two');
  store = runFdStore(built.file, 10, [process.execPath, compiled.file(CHILD), file, ...words, 'wait']);
  const took = () =>
    [...store.output().matchAll(/"took":(null|".*?")/g)].map(([, what]) => JSON.parse(what!));
  for (let i = 0; took().length <= words.length; i++) {
    if (i > 3000) throw new Error(`too few lives: ${store.output()}`);
    await delay(20);
  }
  expect(store.output()).not.toContain('fault');
  return { took: took(), kept: store.lives().map(({ kept }) => kept) };
}

it('hands what a killed life has kept to the next, and to each after it', async () => {
  const { took, kept } = await live('keep', 'nothing', 'nothing');
  // The position in the file is the descriptor's own: what one life has read, the next does not.
  expect(took).toEqual([null, 'one and two', '', '']);
  expect(kept).toEqual([[], ['line-5'], ['line-5'], ['line-5']]);
}, 90_000);

it('keeps nothing any more that was forgotten, or is not wanted', async () => {
  const { took, kept } = await live('keep', 'forget', 'keep another', 'nothing');
  expect(took).toEqual([null, 'one and two', null, null, null]);
  expect(kept).toEqual([[], ['line-5'], [], ['line-6'], []]);
}, 90_000);

it('leaves descriptors alone that are for another process, and is not there without a service manager', () => {
  expect(openDescriptorStore({ LISTEN_PID: String(process.pid), LISTEN_FDS: '1' }, [], () => {})).toBeNull();
  const faults: string[] = [];
  const env = { NOTIFY_SOCKET: '/nowhere/at/all', LISTEN_PID: String(process.pid + 1), LISTEN_FDS: '1' };
  const other = openDescriptorStore({ ...env, LISTEN_FDNAMES: 'line-5' }, ['line-5'], (fault) => {
    faults.push(fault);
  });
  expect(other?.take('line-5')).toBeNull();
  other?.forget('line-5');
  expect(faults).toEqual([expect.stringContaining('No such file or directory')]);
});
