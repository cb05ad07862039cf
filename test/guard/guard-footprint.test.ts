// @module-tag processes

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../support/compiled.js';
import { buildBox, startLiveBox } from './live-box.js';
import { measureRest } from './resting-guard.js';

const ON_FILES = 'test/guard/children/guard-on-files.ts';

let built: ReturnType<typeof buildBox>;
beforeAll(() => {
  built = buildBox();
}, 120_000);
afterAll(() => built?.remove());

const rssMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

const WINDOWS = 6;
const WINDOW_MS = 1_500;

describe('the guard at rest', () => {
  it('holds the exchange’s class and markets within 200 MB', async () => {
    const box = await startLiveBox({ modelDir: built.modelDir });
    try {
      await box.until('the first confirmation', async () => (await box.status()).halt?.confirmed === true);
      const mb = rssMb(box.guard.process.pid!);
      console.log(`guard in mode live, markets loaded: ${mb.toFixed(0)} MB`);
      expect(mb).toBeLessThanOrEqual(200);
    } finally {
      await box.dispose();
    }
  }, 60_000);

  it('wakes hardly more often than its look at the line takes, and costs little more than waking does', async () => {
    const compiled = compile([ON_FILES]);
    try {
      const rest = await measureRest(compiled.file(ON_FILES), WINDOWS, WINDOW_MS);
      const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
      console.log(
        `guard at rest, armed: ${percent(rest.median)} of a core (best of ${WINDOWS} windows ${percent(rest.best)}); by an ` +
          `idle Node process with a timer of 10 ms: ${rest.wakesBeside.toFixed(2)} of its wake-ups, ${rest.beside.toFixed(2)} of ` +
          `its time; ${rest.rssMb.toFixed(0)} MB`,
      );
      // A hundred looks a second, ten permits and two looks at the socket; a guard that looks by a timer of its own besides
      // is at twice the yardstick.
      expect(rest.wakesBeside).toBeLessThanOrEqual(1.3);
      // What a wake-up costs is up to the machine: 1.1 of the yardstick's time on a quiet one, three times that on one
      // whose caches others use, for the guard's own work comes so rarely that it always finds them cold.
      expect(rest.best <= 0.01 || rest.beside <= 5).toBe(true);
    } finally {
      compiled.remove();
    }
  }, 120_000);
});
