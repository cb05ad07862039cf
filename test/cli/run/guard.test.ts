import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'smol-toml';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { command } from '../../../src/cli/run/guard.js';
import { captureIo } from '../../support/command-io.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-guard-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Starts and ends a guard of such a configuration with `--gpio simulated`. */
function guardOf(config: object): Promise<number> {
  const file = path.join(dir, 'redbutton.toml');
  const exchange = { id: 'binance', symbols: ['BTC/USDT'], ...config };
  writeFileSync(
    file,
    stringify({
      mode: 'live',
      exchange: [exchange],
      device: { stateDir: path.join(dir, 'state'), runDir: dir },
    }),
  );
  const ended = AbortSignal.timeout(1);
  return command.run(['--config', file, '--gpio', 'simulated'], { ...captureIo(), signal: ended });
}

it('refuses a simulated button that an option puts before real money', async () => {
  await expect(guardOf({})).rejects.toMatchObject({
    code: 'E_LIVE_BUTTON',
    message: expect.stringContaining('there would be no button to stop it with'),
  });
});
