// @module-tag sockets

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../../src/adapters/clock/system-scheduler.js';
import { createTraderLinkClient } from '../../../src/adapters/guard-link/client.js';
import type { GuardLink } from '../../../src/ports/guard.js';
import { eventually } from '../mqtt/box.js';

let dir: string;
let server: Server;
let line: Socket | null;
/** What each connection brought but for its beats. */
let lives: string[][];
let link: GuardLink;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-link-'));
  lives = [];
  line = null;
  server = createServer((socket) => {
    line = socket;
    const heard: string[] = [];
    lives.push(heard);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      for (const text of String(bytes).split('\n')) {
        const { type } = text === '' ? { type: 'beat' } : (JSON.parse(text) as { type: string });
        if (type !== 'beat') heard.push(type);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path.join(dir, 'link.sock'), resolve));
  const duties = {
    cancelAll: async () => ({ confirmed: true, openOrders: 0, detail: '' }),
    reconcile: async () => undefined,
  };
  link = createTraderLinkClient(
    path.join(dir, 'link.sock'),
    duties,
    createSystemClock(),
    createSystemScheduler(),
  );
  link.start();
  await eventually('connected', () => lives[0]?.includes('hello') === true);
});
afterEach(async () => {
  await link.stop();
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

it('asks each guard for the halt that it wants, until one has ordered the cancels', async () => {
  link.requestHalt('the model is no better than chance');
  await eventually('asked', () => lives[0]!.includes('halt'));
  // This guard dies before it has ordered the cancels, though it was heard; the next one is asked as well.
  line!.write('{"type":"reconcile","epoch":8}\n');
  await eventually('heard', () => lives[0]!.includes('reconciled'));
  line!.destroy();
  await eventually('asked again', () => lives[1]?.includes('halt') === true);
  line!.write('{"type":"cancel","epoch":9,"flatten":false,"cause":"trader"}\n');
  await eventually('done', () => lives[1]!.includes('canceled'));
  line!.destroy();
  await eventually('connected again', () => lives[2]?.includes('hello') === true);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(lives[2]).toEqual(['hello']);
});
