// @module-tag processes

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { killMarked, markProcess } from '../../src/guard/kill-trader.js';

const children: ReturnType<typeof spawn>[] = [];
/** A process that does nothing, under a name of its own on its command line. */
async function idle(name: string): Promise<{ pid: number; child: ReturnType<typeof spawn> }> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)', name]);
  children.push(child);
  await once(child.stdout!, 'data');
  return { pid: child.pid!, child };
}
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('killing a trader', () => {
  it('kills the process that was marked', async () => {
    const { pid, child } = await idle('redbutton');
    const mark = markProcess(pid);
    expect(killMarked(mark, pid)).toBe(`process ${pid} was killed`);
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    expect(killMarked(mark, pid)).toBe(`process ${pid} is gone`);
  });

  it('leaves alone what was never marked, the first process, threads, and itself with its threads', async () => {
    const { pid, child } = await idle('redbutton');
    expect(killMarked(undefined, pid)).toContain('left alone');
    const trader = await idle('redbutton');
    expect(killMarked(markProcess(trader.pid), pid)).toContain('left alone');
    expect(killMarked({ pid: process.pid, startTicks: '1' }, process.pid)).toContain('left alone');
    expect([markProcess(process.pid), markProcess(1), markProcess(0)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (const whose of [process.pid, pid]) {
      const threads = readdirSync(`/proc/${whose}/task`).map(Number);
      expect(threads.length).toBeGreaterThan(1);
      for (const thread of threads) if (thread !== whose) expect(markProcess(thread)).toBeUndefined();
    }
    expect([child.exitCode, trader.child.exitCode]).toEqual([null, null]);
  });

  it('does not kill another process that got the same id', async () => {
    const { pid, child } = await idle('redbutton');
    expect(killMarked({ pid, startTicks: '1' }, pid)).toBe(`process ${pid} is gone`);
    expect(child.exitCode).toBeNull();
  });
});
