import { execFileSync, fork, spawn, spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { expect, it } from 'vitest';

it.each([
  ['starts a process', () => spawn('true')],
  ['starts a process', () => spawnSync('true')],
  ['starts a process', () => execFileSync('true')],
  ['starts a process', () => fork('true')],
  ['opens a socket', () => createServer().listen(0)],
  ['opens a socket', () => connect(9)],
])('refuses a quick test that %s', (what, act) => {
  expect(act).toThrow(`a quick test ${what}: give its file a tag`);
});
