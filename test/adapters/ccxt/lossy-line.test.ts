// @module-tag processes

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../../support/compiled.js';

const CHILD = 'test/adapters/ccxt/children/lossy-line.ts';
const isRoot = process.getuid?.() === 0;
let compiled: Compiled;
beforeAll(() => {
  compiled = compile([CHILD]);
}, 60_000);
afterAll(() => compiled.remove());

/** A network of its own, so that the packet filter that loses packets is nobody else's. */
describe.skipIf(!isRoot)('an order over a line that loses packets', () => {
  it.concurrent.each([
    { name: 'connect-0.7', kind: 'denied', what: 'the connection takes 0.7 s' },
    { name: 'connect-2.5', kind: 'denied', what: 'the connection takes 2.5 s' },
    { name: 'lost-0.3', kind: 'ambiguous', what: 'its packets are lost for 0.3 s' },
    { name: 'lost-0.9', kind: 'ambiguous', what: 'its packets are lost for 0.9 s' },
    { name: 'lost-killed', kind: null, what: 'its packets are lost and its process is killed' },
    { name: 'lost-stopped', kind: null, what: 'they are lost for a second and its process cannot be ended' },
    { name: 'never-acknowledged', kind: 'ambiguous', what: 'nobody presses, and they are lost for 2.5 s' },
  ])('is not sent later: $what', { timeout: 60_000 }, async ({ name, kind }) => {
    const run = promisify(execFile);
    const { stdout } = await run('unshare', ['-n', process.execPath, compiled.file(CHILD), name]);
    const result = JSON.parse(stdout) as { dropped: number };
    expect(result).toMatchObject({ kind, late: [], orders: 0 });
    // Else nothing was lost, and nothing shown.
    expect(result.dropped).toBeGreaterThan(0);
  });
});
