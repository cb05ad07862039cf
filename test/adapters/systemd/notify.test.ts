// @module-tag processes

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createServiceManager } from '../../../src/adapters/systemd/notify.js';

/** Receives datagrams at a path, or an abstract name, and prints them: what systemd's end does. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name[0] == '@' else name)
print('bound', flush=True)
for _ in range(int(sys.argv[2])): print(s.recv(4096).decode(), flush=True)
`;

/** Runs the receiver until it has had `count` notices, and returns them. */
async function received(name: string, count: number, act: () => void): Promise<string[]> {
  const child = spawn('python3', ['-c', RECEIVER, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  await once(child.stdout, 'data');
  act();
  await once(child, 'close');
  return output.trim().split('\n').slice(1);
}

describe('the service manager', () => {
  it.each(['a path', 'an abstract name'])(
    'is told over %s, and its watchdog is fed while there is life',
    async (kind) => {
      const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
      const name = kind === 'a path' ? path.join(dir, 's') : `@redbutton-test-${process.pid}`;
      let alive = true;
      const fed: (() => void)[] = [];
      const periods: number[] = [];
      const scheduler = {
        every(periodMs: number, task: () => void) {
          periods.push(periodMs);
          fed.push(task);
          return () => fed.splice(0);
        },
      };
      const env = { NOTIFY_SOCKET: name, WATCHDOG_USEC: '2000000', WATCHDOG_PID: String(process.pid) };
      const lines = await received(name, 3, () => {
        const manager = createServiceManager(env, scheduler, () => alive);
        manager.ready();
        fed[0]!();
        alive = false;
        fed[0]!();
        manager.stopping();
        expect(fed).toEqual([]);
      });
      expect(lines).toEqual(['READY=1', 'WATCHDOG=1', 'STOPPING=1']);
      expect(periods[0]).toBeCloseTo(667, 0);
      rmSync(dir, { recursive: true });
    },
  );

  it('is silent where nobody listens', () => {
    const every = () => {
      throw new Error('no watchdog was asked for');
    };
    createServiceManager({}, { every }, () => true).ready();
    createServiceManager({ NOTIFY_SOCKET: '/nowhere/at/all' }, { every }, () => true).ready();
  });
});
