import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { CREATE_PORT_FIRST } from '../../../src/core/create-ports.js';

/** One connection, as seen at the exchange's end of the wire. */
export interface SeenConnection {
  /** The port that it came from. */
  readonly port: number;
  /** What was read, in clear, with the time of `performance.now()`. */
  readonly chunks: { readonly atMs: number; readonly text: string }[];
  /** When an answer was last passed on. */
  answeredAtMs: number | undefined;
  /** How the client ended it. */
  end: 'open' | 'closed' | 'reset';
}

export interface FrontOptions {
  /** TLS by a certificate of its own for 127.0.0.1, which is written to this file where one is named. */
  readonly tls?: boolean | string;
  /** An HTTP proxy that is asked with CONNECT, with this name and password where given. */
  readonly proxy?: { readonly login?: string };
  /** Milliseconds until it answers what a client says first on a connection for orders: its TLS or its CONNECT. */
  answerFirstMs?: number;
  /** Told of each connection as it comes. */
  onConnection?: (port: number) => void;
  /** Called right before that answer. */
  beforeFirst?: () => void;
  /** Closes the connection once an answer has been passed on; `orders`: those for orders alone. */
  closesAfterAnswer?: boolean | 'orders';
  /** Milliseconds that the exchange takes to answer an order. */
  answersAfterMs?: number;
  /** What the exchange answers is kept back. */
  holdsAnswers?: boolean;
}

/** Stands in front of the exchange simulator and notes what comes over the wire, and when. */
export interface OrderFront {
  readonly url: string;
  readonly port: number;
  readonly connections: SeenConnection[];
  readonly options: FrontOptions;
  /** Connections that carried an order. */
  orders(): readonly SeenConnection[];
  /** When bytes of orders came later than this. */
  orderBytesAfter(atMs: number): readonly number[];
  stop(): Promise<void>;
}

export async function startFront(exchangeUrl: string, options: FrontOptions = {}): Promise<OrderFront> {
  const exchange = new URL(exchangeUrl);
  const connections: SeenConnection[] = [];
  /** Of those still to be told apart when TLS stands: the list above may have been emptied by then. */
  const byPort = new Map<number, SeenConnection>();
  const open = new Set<Socket>();

  const isForOrders = ({ port }: SeenConnection) => port >= CREATE_PORT_FIRST;
  /** All other requests are signed for two seconds, and would only be too late. */
  const firstMs = (seen: SeenConnection) => (isForOrders(seen) ? (options.answerFirstMs ?? 0) : 0);

  function relay(client: Socket, seen: SeenConnection): void {
    const server = connect(Number(exchange.port), exchange.hostname);
    open.add(server);
    server.on('error', () => client.destroy());
    client.on('data', (chunk) => {
      seen.chunks.push({ atMs: performance.now(), text: chunk.toString('latin1') });
      server.write(chunk);
    });
    client.on('close', () => server.destroy());
    server.on('data', async (chunk) => {
      if (options.answersAfterMs && isForOrders(seen)) await delay(options.answersAfterMs);
      if (options.holdsAnswers) return;
      seen.answeredAtMs = performance.now();
      const closes = options.closesAfterAnswer;
      if (closes === true || (closes === 'orders' && isForOrders(seen))) client.end(chunk);
      else client.write(chunk);
    });
    server.on('close', () => client.destroy());
  }

  function tunnel(client: Socket, seen: SeenConnection): void {
    client.once('data', async (chunk) => {
      const asked = chunk.toString('latin1');
      const wanted = options.proxy!.login;
      const login = /proxy-authorization: Basic (\S+)/i.exec(asked)?.[1] ?? '';
      await delay(firstMs(seen));
      if (!/^CONNECT \S+ HTTP\/1\.1\r\n/.test(asked)) return client.destroy();
      if (wanted !== undefined && Buffer.from(login, 'base64').toString() !== wanted) {
        return client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      }
      options.beforeFirst?.();
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      relay(client, seen);
      return undefined;
    });
  }

  const secure = options.tls ? createTlsServer(selfSigned(options.tls)) : null;
  secure?.on('secureConnection', (socket) => {
    const port = socket.remotePort;
    socket.on('error', () => {});
    relay(socket, byPort.get(port!)!);
  });
  secure?.on('tlsClientError', () => {});
  const server: Server = createServer(async (socket) => {
    const port = socket.remotePort!;
    const seen: SeenConnection = {
      port,
      chunks: [],
      answeredAtMs: undefined,
      end: 'open',
    };
    connections.push(seen);
    byPort.set(seen.port, seen);
    open.add(socket);
    options.onConnection?.(seen.port);
    socket.on('end', () => {
      if (seen.end === 'open') seen.end = 'closed';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') seen.end = 'reset';
    });
    if (options.proxy) return tunnel(socket, seen);
    if (secure === null) return relay(socket, seen);
    await delay(firstMs(seen));
    return secure.emit('connection', socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ofOrders = (text: string) => text.includes('POST /api/v3/order');
  const front: OrderFront = {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    connections,
    options,
    orders: () => connections.filter(({ chunks }) => chunks.some(({ text }) => ofOrders(text))),
    orderBytesAfter: (afterMs) =>
      front
        .orders()
        .flatMap(({ chunks }) =>
          chunks.filter(({ atMs }) => atMs > afterMs).map(({ atMs }) => atMs - afterMs),
        ),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return front;
}

function selfSigned(certFile: boolean | string): { readonly key: Buffer; readonly cert: Buffer } {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-front-'));
  const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', ...kind, ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  if (typeof certFile === 'string') writeFileSync(certFile, pair.cert);
  rmSync(dir, { recursive: true });
  return pair;
}
