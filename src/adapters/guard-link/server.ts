import { createServer, type Server, type Socket } from 'node:net';
import { type GuardMessage, parseTraderMessage, type TraderMessage } from '../../core/guard-link.js';
import { bindSocket, unbindSocket } from '../control-socket/bind-socket.js';
import type { ControlServer } from '../control-socket/control-server.js';
import { onLines, sendLine } from '../control-socket/json-lines.js';
import { type Peer, peerOf } from '../control-socket/peer.js';

/** What takes a trader's connection: the guard. `peer` is null where nobody can say who has connected. */
export interface TraderAcceptor {
  attachTrader(connection: {
    readonly beats: boolean;
    readonly peer: Peer | null;
    send(message: GuardMessage): void;
    close(): void;
  }): {
    receive(message: TraderMessage): void;
    closed(): void;
  };
}

/** The guard's end of the link: traders connect at `path` and are handed to `guard`. A line that is no message ends it. */
export function createTraderLinkServer(path: string, guard: TraderAcceptor): ControlServer {
  let server: Server | null = null;
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    const end = guard.attachTrader({
      beats: true,
      peer: peerOf(socket),
      send: (message) => sendLine(socket, message),
      close: () => socket.destroy(),
    });
    onLines(
      socket,
      (line) => {
        const message = parseTraderMessage(line);
        if (message === undefined) socket.destroy();
        else end.receive(message);
      },
      () => socket.destroy(),
    );
    // A reset line is told by 'close', which follows every error.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      end.closed();
    });
  };
  return {
    async start() {
      const listening = createServer(accept);
      await bindSocket(listening, path, 'guard');
      server = listening;
    },
    async stop() {
      const listening = server;
      server = null;
      if (listening === null) return;
      unbindSocket(path);
      await new Promise<void>((resolve) => {
        listening.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    },
  };
}
