// @module-tag sockets

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { peerOf } from '../../../src/adapters/control-socket/peer.js';

it('names the process, user and group at the other end, and nobody once the socket is gone', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rb-'));
  const server = createServer().listen(join(dir, 'socket'));
  const accepted = once(server, 'connection');
  const client = connect(join(dir, 'socket'));
  const [socket] = (await accepted) as [Socket];
  expect(peerOf(socket)).toEqual({ pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });
  client.destroy();
  socket.destroy();
  expect(peerOf(socket)).toBeNull();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});
