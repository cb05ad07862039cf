import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf, RedbuttonError } from '../../core/errors.js';
import { bindSocket, unbindSocket } from './bind-socket.js';
import { type Peer, type PeerReader, peerOf } from './peer.js';

export interface ControlReply {
  readonly status: number;
  readonly body: unknown;
}

/** `body` is the request's JSON, unchecked: undefined where there was none. `peer` tells who asks, where anybody can. */
export type ControlHandler = (
  body: unknown,
  peer?: () => Peer | null,
) => ControlReply | Promise<ControlReply>;

/** Handlers by method and path, as in `"POST /halt"`. */
export type ControlRoutes = Readonly<Record<string, ControlHandler>>;

export interface ControlServer {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const BODY_BYTES_MAX = 4096;
const REQUEST_MS_MAX = 5_000;

/** Serves JSON over HTTP at a unix socket of mode 0660. `who` names the process in messages ("guard"). */
export function createControlServer(
  path: string,
  who: string,
  routes: ControlRoutes,
  bodyBytesMax = BODY_BYTES_MAX,
  readPeer: PeerReader = peerOf,
): ControlServer {
  let server: Server | null = null;
  return {
    async start() {
      const listening = createServer(
        { requestTimeout: REQUEST_MS_MAX, maxHeaderSize: 8192 },
        (request, response) => {
          void answer(routes, bodyBytesMax, readPeer, request, response);
        },
      );
      await bindSocket(listening, path, who);
      server = listening;
    },
    async stop() {
      const listening = server;
      server = null;
      if (listening === null) return;
      unbindSocket(path);
      await new Promise<void>((resolve) => {
        listening.close(() => resolve());
        listening.closeAllConnections();
      });
    },
  };
}

async function answer(
  routes: ControlRoutes,
  bodyBytesMax: number,
  readPeer: PeerReader,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = await handle(routes, bodyBytesMax, readPeer, request);
  if (response.destroyed) return;
  const text = `${JSON.stringify(reply.body)}\n`;
  response.writeHead(reply.status, { 'content-type': 'application/json', connection: 'close' });
  response.end(text);
}

async function handle(
  routes: ControlRoutes,
  bodyBytesMax: number,
  readPeer: PeerReader,
  request: IncomingMessage,
): Promise<ControlReply> {
  const path = (request.url ?? '').split('?')[0];
  const handler = Object.hasOwn(routes, `${request.method} ${path}`)
    ? routes[`${request.method} ${path}`]
    : undefined;
  if (handler === undefined) {
    const known = Object.keys(routes).some((route) => route.endsWith(` ${path}`));
    return {
      status: known ? 405 : 404,
      body: { error: 'E_NO_SUCH_COMMAND', detail: `no ${request.method} ${path} here` },
    };
  }
  try {
    const text = await readBody(request, bodyBytesMax);
    if (text === undefined) {
      return { status: 413, body: { error: 'E_BODY', detail: `more than ${bodyBytesMax} bytes` } };
    }
    let body: unknown;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch {
      return { status: 400, body: { error: 'E_BODY', detail: 'the body is not JSON' } };
    }
    return await handler(body, () => readPeer(request.socket));
  } catch (error) {
    const code = error instanceof RedbuttonError ? error.code : 'E_INTERNAL';
    return { status: 500, body: { error: code, detail: messageOf(error) } };
  }
}

async function readBody(request: IncomingMessage, bodyBytesMax: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
