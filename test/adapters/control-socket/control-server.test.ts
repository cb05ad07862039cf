// @module-tag sockets

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callControl } from '../../../src/adapters/control-socket/control-client.js';
import {
  type ControlServer,
  createControlServer,
} from '../../../src/adapters/control-socket/control-server.js';
import { fault } from '../../../src/core/errors.js';

let dir: string;
let path: string;
let server: ControlServer;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rb-control-'));
  path = join(dir, 'control.sock');
  server = createControlServer(path, 'guard', {
    'GET /status': () => ({ status: 200, body: { state: 'HALTED' } }),
    'POST /halt': (body) => ({ status: 200, body: { got: body ?? null } }),
    'POST /fails': () => {
      throw fault('E_STORE_FULL', 'the disk is full', 'make room');
    },
  });
  await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const call = (method: 'GET' | 'POST', where: string, body?: unknown) =>
  callControl(path, 'the guard', method, where, body);

/** Sends a body as it is. */
function sendRaw(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request({ socketPath: path, method: 'POST', path: '/halt' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

describe('the control socket', () => {
  it('answers what it knows', async () => {
    expect(await call('GET', '/status')).toEqual({ status: 200, body: { state: 'HALTED' } });
    expect(await call('POST', '/halt', { by: 'me' })).toEqual({ status: 200, body: { got: { by: 'me' } } });
    expect(await call('POST', '/halt')).toEqual({ status: 200, body: { got: null } });
  });

  it('refuses what it does not know, in words', async () => {
    expect(await call('GET', '/halt')).toMatchObject({ status: 405 });
    expect(await call('POST', '/resume-now')).toMatchObject({
      status: 404,
      body: { error: 'E_NO_SUCH_COMMAND' },
    });
    expect(await call('GET', '/__proto__')).toMatchObject({ status: 404 });
    expect(await call('POST', '/fails')).toEqual({
      status: 500,
      body: { error: 'E_STORE_FULL', detail: 'the disk is full' },
    });
  });

  it('stands malformed and oversized bodies and lines that are no HTTP', async () => {
    expect(await sendRaw('{"by":')).toBe(400);
    expect(await sendRaw('x'.repeat(5000))).toBe(413);
    await new Promise<void>((resolve) => {
      const socket = connect(path, () => socket.write('\u0000\u0001 nonsense\r\n\r\n'));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
      socket.resume();
    });
    expect(await call('GET', '/status')).toMatchObject({ status: 200 });
  });

  it('has mode 0660 and is gone after its end', async () => {
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await server.stop();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    await expect(call('GET', '/status')).rejects.toMatchObject({ code: 'E_SOCKET_NOBODY' });
  });

  it('does not take the place of one that answers, but of one that a dead process left', async () => {
    const second = createControlServer(path, 'guard', {});
    await expect(second.start()).rejects.toMatchObject({ code: 'E_SOCKET_TAKEN' });
    expect(await call('GET', '/status')).toMatchObject({ status: 200 });
    await server.stop();
    writeFileSync(path, '');
    await expect(call('GET', '/status')).rejects.toMatchObject({ code: 'E_SOCKET_NOBODY' });
    await second.start();
    expect(await call('GET', '/status')).toMatchObject({ status: 404 });
    await second.stop();
  });

  it('refuses a path that is too long, and a directory that is not there', async () => {
    await expect(createControlServer(`/tmp/${'x'.repeat(120)}`, 'guard', {}).start()).rejects.toMatchObject({
      code: 'E_SOCKET',
      message: expect.stringContaining('longer than'),
    });
    await expect(createControlServer(join(dir, 'no', 'sock'), 'guard', {}).start()).rejects.toMatchObject({
      code: 'E_SOCKET',
    });
  });

  it('tells a server that never answers from one that is not there', async () => {
    const held: Socket[] = [];
    const mute = createServer((socket) => held.push(socket.on('error', () => undefined)));
    const mutePath = join(dir, 'mute.sock');
    await new Promise<void>((resolve) => mute.listen(mutePath, resolve));
    await expect(callControl(mutePath, 'the guard', 'GET', '/status', undefined, 100)).rejects.toMatchObject({
      code: 'E_SOCKET_TIMEOUT',
    });
    for (const socket of held) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });
});
