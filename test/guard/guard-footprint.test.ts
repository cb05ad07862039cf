import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBox, startLiveBox } from './live-box.js';

let built: ReturnType<typeof buildBox>;
beforeAll(() => {
  built = buildBox();
}, 120_000);
afterAll(() => built?.remove());

const rssMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

/** Processor time used so far, user and system, in milliseconds (100 ticks a second). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

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

  it('uses next to no processor time', async () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
    const args = ['dist/main.js', 'guard', '--run-dir', dir, '--state-dir', path.join(dir, 'state')];
    const guard: ChildProcess = spawn(process.execPath, [...args, '--gpio', 'simulated'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(guard.stdout!, 'data');
      await delay(2_000);
      const [fromCpuMs, fromMs] = [cpuMs(guard.pid!), performance.now()];
      await delay(5_000);
      const share = (cpuMs(guard.pid!) - fromCpuMs) / (performance.now() - fromMs);
      console.log(
        `guard at rest: ${(share * 100).toFixed(1)} % of a core, ${rssMb(guard.pid!).toFixed(0)} MB`,
      );
      // The limit is 1 %; ticks of 10 ms over 5 s and a loaded machine are worth as much again.
      expect(share).toBeLessThanOrEqual(0.02);
    } finally {
      guard.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    }
  }, 30_000);
});
