// @module-tag sockets

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createReleaseWatch, type ReleaseWatch } from '../../../src/adapters/alert-sinks/release-watch.js';
import { createGuardTime } from '../../guard/guard-time.js';

let server: Server;
let watch: ReleaseWatch;
afterEach(async () => {
  await watch.stop();
  server.close();
  server.closeAllConnections();
});

/** A watch of version 0.2.0 on a server that answers what `answer` says at the time. */
async function start(answer: () => { readonly status?: number; readonly body: string }) {
  let asked = 0;
  server = createServer((_request, response) => {
    asked += 1;
    const { status = 200, body } = answer();
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const time = createGuardTime();
  const raised: unknown[] = [];
  const logged: string[] = [];
  const log = (fields: object) => void logged.push(JSON.stringify(fields));
  watch = createReleaseWatch({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/latest`,
    version: '0.2.0',
    clock: time.clock,
    log: { info: log, warn: log, error: log },
    alerts: { raise: async (code, figures) => void raised.push([code, figures]) },
  });
  watch.start();
  /** Lets a day pass, and the request of it come back. */
  const day = async () => {
    const before = asked;
    await time.advance(86_400_000);
    while (asked === before) await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  return { raised, logged, day, asked: () => asked };
}

describe('the watch on releases', () => {
  it('tells of each newer version once, and of no older one', async () => {
    let body = '0.2.0\n';
    const { raised, day } = await start(() => ({ body }));
    await day();
    expect(raised).toEqual([]);
    body = 'v0.10.0\nand what changed in it\n';
    await day();
    await day();
    expect(raised).toEqual([['UPDATE_AVAILABLE', { version: '0.10.0' }]]);
    body = '0.9.9\n';
    await day();
    expect(raised).toHaveLength(1);
  });

  it('logs an address that gives no version, and asks again the next day', async () => {
    let answer: { status?: number; body: string } = { status: 500, body: 'down' };
    const { raised, logged, day } = await start(() => answer);
    await day();
    answer = { body: `<html>${'x'.repeat(1_000_000)}` };
    await day();
    expect(raised).toEqual([]);
    expect(logged).toEqual([
      expect.stringContaining('it answered 500'),
      expect.stringContaining('not a version'),
    ]);
    answer = { body: '1.0.0' };
    await day();
    expect(raised).toHaveLength(1);
  });
});
