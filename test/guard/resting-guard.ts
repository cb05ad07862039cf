import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { pathsOf } from '../../src/config/paths.js';
import type { GuardStatus } from '../../src/guard/status.js';
import { pressTwice } from '../support/press-twice.js';
import { useOf } from './processor-share.js';

/** A process that does nothing but wake a hundred times a second. */
const YARDSTICK = ['-e', 'setInterval(() => {}, 10)'];
/** Long enough for what a start leaves to be cleared away. */
const IN_FLIGHT_MAX_MS = 1_000;

export interface RestFigures {
  /** Shares of a core, 1 being all of it: the median over the windows, and the best. */
  readonly median: number;
  readonly best: number;
  readonly yardstick: number;
  /** The median, over the windows, of the guard's share by the yardstick's in the same one. */
  readonly beside: number;
  /** How often the guard's threads wake each second, by how often the yardstick does: medians. */
  readonly wakesBeside: number;
  readonly rssMb: number;
}

/**
 * What an armed guard at rest costs whose lines are looked at by a thread, as a kernel's are. `program` is the compiled
 * children/guard-on-files.ts.
 */
export async function measureRest(program: string, windows: number, windowMs: number): Promise<RestFigures> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
  const run = (args: readonly string[]): ChildProcess =>
    spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const guard = run([program, dir]);
  const yardstick = run(YARDSTICK);
  try {
    let said = '';
    guard.stdout!.on('data', (chunk) => {
      said += String(chunk);
    });
    const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
      const endMs = performance.now() + 30_000;
      while (!(await isSo())) {
        if (performance.now() > endMs) throw new Error(`waited in vain for ${what}; the guard said: ${said}`);
        await delay(20);
      }
    };
    const paths = pathsOf({ name: 'box', stateDir: path.join(dir, 'state'), runDir: dir });
    const ask = async (method: 'GET' | 'POST', at: string) =>
      (await callControl(paths.guardSocket, 'the guard', method, at)).body as GuardStatus;
    // Over what is there: a file that is empty for a moment is a line that gives no level, which trips.
    const drive = (level: 0 | 1) => writeFileSync(path.join(dir, 'lines/5'), `${level}`, { flag: 'r+' });
    // Armed, so that the permit is renewed: the state a box rests in.
    await until('the start', () => said.includes('"ready"'));
    await until('a released contact', async () => (await ask('GET', '/status')).contact === 'released');
    await ask('POST', '/resume');
    await pressTwice(
      (pressed) => drive(pressed ? 1 : 0),
      async () => (await ask('GET', '/status')).contact,
    );
    await until('the arming', async () => (await ask('GET', '/status')).state === 'REDUCING');
    await delay(IN_FLIGHT_MAX_MS);
    const [ours, its] = await useOf([guard.pid!, yardstick.pid!], windows, windowMs);
    const rssKb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${guard.pid}/status`, 'utf8'))![1];
    drive(1);
    await until('the halt', async () => (await ask('GET', '/status')).state === 'HALTED');
    return {
      median: median(ours!.map((use) => use.share)),
      best: Math.min(...ours!.map((use) => use.share)),
      yardstick: median(its!.map((use) => use.share)),
      beside: median(ours!.map((use, i) => use.share / its![i]!.share)),
      wakesBeside: median(ours!.map((use) => use.wakesPerS)) / median(its!.map((use) => use.wakesPerS)),
      rssMb: Number(rssKb) / 1024,
    };
  } finally {
    guard.kill('SIGKILL');
    yardstick.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
