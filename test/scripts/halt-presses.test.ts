// @module-tag processes

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pressTable } from '../../scripts/press-table.mjs';

const script = fileURLToPath(new URL('../../scripts/halt-presses.mjs', import.meta.url));
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', maxBuffer: 1e8 });

/** The long form is 200 presses in each condition; here it is shown to work, on a machine that may be busy. */
describe('scripts/halt-presses.mjs', () => {
  it('says what it does, and what it does not know', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage:') });
    expect(run('--conditions', 'rain')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no condition "rain"'),
    });
  });

  it('counts a press that met no order for its bytes, but not as a press', () => {
    const press = {
      condition: 'tls',
      trader: 'well',
      met: 'unwritten',
      packetMs: 12.34,
      readMs: null,
      late: 0,
      contradiction: null,
    } as const;
    const late = {
      ...press,
      met: 'none',
      packetMs: 99,
      late: 2,
      contradiction: 'no packet bore them',
    } as const;
    const { table, sums } = pressTable(['tls'], [press, { ...press, met: 'unanswered' }, late]);
    expect(sums).toEqual({ counted: 2, late: 2, contradictions: 1 });
    const [, well, stopped] = table.split('\n').map((line) => line.split(/ {2,}/));
    expect(well).toEqual(['tls', 'well', '2', '1', '1', '1', '2', '99.0', 'none']);
    expect(stopped).toEqual(['tls', 'stopped', '0', '0', '0', '0', '0', 'none', 'none']);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'finds no order after the press in a network that fails',
    () => {
      const { status, stdout, stderr } = run('--presses', '3', '--bound-ms', '300', '--conditions', 'closed');
      console.log(stdout);
      expect(stderr).toContain('met an order');
      expect(stderr).toMatch(/last packet (none|[\d.]+ ms)/);
      expect(stdout).toMatch(/^3 presses in .*: 0 orders with a byte later than the bound$/m);
      expect(status).toBe(0);
    },
    300_000,
  );
});
