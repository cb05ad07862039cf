// @module-tag processes

import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ADDON = fileURLToPath(new URL('../../native/build/Release/redbutton.node', import.meta.url));
/** Prints the scheduling policy of each thread: the 41st field of its stat, the 39th after its name. */
const SCRIPT = `
  const { readdirSync, readFileSync } = require('node:fs');
  require(process.argv[1]).runWhenIdle();
  require('node:fs/promises').readFile(process.argv[1]).then(() => {
    for (const thread of readdirSync('/proc/self/task')) {
      const stat = readFileSync('/proc/self/task/' + thread + '/stat', 'utf8');
      console.log(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]);
    }
  });`;
const SCHED_IDLE = '5';

it('gives every thread of a process the idle class, those that are made later too', () => {
  const policies = execFileSync(process.execPath, ['-e', SCRIPT, ADDON], { encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(policies.length).toBeGreaterThan(4);
  expect(new Set(policies)).toEqual(new Set([SCHED_IDLE]));
});
