import { lookup } from 'node:dns/promises';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { CREATE_PORTS, createPortsOf } from '../../core/create-ports.js';
import { fault } from '../../core/errors.js';
import { resetOnClose } from '../native/socket-options.js';

/** Where create requests go, and by which way. */
export interface CreateRoute {
  /** Scheme, host and port of the exchange. */
  readonly origin: string;
  /** The proxy that ccxt is set to, with name and password where it wants them; null for none. */
  readonly proxy: string | null;
  readonly rejectUnauthorized: boolean;
}

export interface CreateSocket {
  /** The TCP socket below: only this one can be reset. */
  readonly raw: Socket;
  /** What requests are written to: the same, or TLS over it. */
  readonly stream: Socket;
}

/**
 * So long after it was sent again for the first time, an order that the exchange's end has not acknowledged is given up. No
 * byte of it may leave a second after a press, also where nobody can end the trader: one that is killed keeps its connections
 * while a thread of it waits for a disk that stalls. The first repeat comes after the round trip and at least 0.2 s.
 */
const ACK_MS_MAX = 600;
/** An address that does not answer by then gives way to the next one; the last one is waited for. */
const ADDRESS_MS_MAX = 250;
const PORT_IS_TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL']);

/** Ports are taken in turn, so that a peer which has not noticed a reset meets the same one as late as possible. */
let turn = process.pid;

/**
 * Makes a connection that may carry create requests of the permit's `epoch`: from a local port of that epoch's block, and
 * one that ends in a reset however it is closed. Through a proxy it is a tunnel. Rejects, with nothing left open, where that
 * fails or `signal` aborts; no byte of a request has been written either way.
 */
export async function openCreateSocket(
  route: CreateRoute,
  epoch: number,
  signal: AbortSignal,
): Promise<CreateSocket> {
  const target = new URL(route.origin);
  const proxy = route.proxy === null ? null : httpProxy(route.proxy);
  const raw = await dial(proxy ?? target, epoch, signal);
  const cut = () => raw.destroy();
  signal.addEventListener('abort', cut);
  try {
    let stream = raw;
    if (proxy !== null) {
      if (proxy.protocol === 'https:') stream = await secured(stream, proxy, true);
      await tunnel(stream, proxy, target);
    }
    if (target.protocol === 'https:') stream = await secured(stream, target, route.rejectUnauthorized);
    signal.throwIfAborted();
    return { raw, stream };
  } catch (error) {
    raw.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

function httpProxy(address: string): URL {
  const url = new URL(address);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw fault(
    'E_ORDER_PROXY',
    `orders cannot be sent through a ${url.protocol}// proxy`,
    'use an http:// or https:// proxy',
  );
}

async function dial(to: URL, epoch: number, signal: AbortSignal): Promise<Socket> {
  const host = to.hostname.replace(/^\[|\]$/g, '');
  const port = Number(to.port) || (to.protocol === 'https:' ? 443 : 80);
  const addresses = isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
  let failure: unknown;
  for (const [i, address] of addresses.entries()) {
    const msMax = i < addresses.length - 1 ? ADDRESS_MS_MAX : 0;
    for (let tries = 0; tries < CREATE_PORTS; tries++) {
      signal.throwIfAborted();
      const localPort = createPortsOf(epoch) + (turn++ % CREATE_PORTS);
      try {
        return await connected(address, port, localPort, msMax, signal);
      } catch (error) {
        failure = error;
        if (!PORT_IS_TAKEN.has((error as NodeJS.ErrnoException).code ?? '')) break;
      }
    }
  }
  throw failure;
}

function connected(host: string, port: number, localPort: number, msMax: number, signal: AbortSignal) {
  const socket = netConnect({ host, port, localPort, noDelay: true, keepAlive: true });
  return new Promise<Socket>((resolve, reject) => {
    const cut = () => socket.destroy(signal.reason);
    const settled = () => signal.removeEventListener('abort', cut);
    signal.addEventListener('abort', cut);
    socket.setTimeout(msMax, () => socket.destroy(new Error(`no answer of ${host} in ${msMax} ms`)));
    // Stays for good: a socket's error has no other listener while it is handed on.
    socket.on('error', (error) => {
      settled();
      reject(error);
    });
    socket.once('connect', () => {
      settled();
      socket.setTimeout(0);
      try {
        resetOnClose(descriptorOf(socket), ACK_MS_MAX);
        resolve(socket);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  });
}

/** Node keeps the number of a socket's descriptor to itself. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

function secured(socket: Socket, to: URL, rejectUnauthorized: boolean): Promise<Socket> {
  const host = to.hostname.replace(/^\[|\]$/g, '');
  const stream = tlsConnect({
    socket,
    host,
    ...(isIP(host) ? {} : { servername: host }),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized,
  });
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.once('close', () => reject(new Error(`${host} closed the connection before it was secure`)));
    stream.once('secureConnect', () => resolve(stream));
  });
}

/** Asks the proxy for a connection to the exchange; its own refusal is an error. */
function tunnel(socket: Socket, proxy: URL, target: URL): Promise<void> {
  const host = `${target.hostname}:${target.port || (target.protocol === 'https:' ? 443 : 80)}`;
  const login = proxy.username === '' ? '' : `proxy-authorization: Basic ${basic(proxy)}\r\n`;
  return new Promise((resolve, reject) => {
    let head = '';
    const closed = () => reject(new Error(`the proxy ${proxy.host} closed the connection`));
    const read = () => {
      head += socket.read()?.toString('latin1') ?? '';
      if (!head.includes('\r\n\r\n') && head.length < 16_384) return;
      socket.off('readable', read).off('end', closed).off('close', closed).off('error', reject);
      const status = /^HTTP\/1\.[01] (\d{3})[\s\S]*?\r\n\r\n$/.exec(head)?.[1];
      if (status === '200') resolve();
      else reject(new Error(`the proxy ${proxy.host} answered ${status ?? 'no HTTP'}`));
    };
    socket.on('readable', read).once('end', closed).once('close', closed).once('error', reject);
    socket.write(`CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n${login}\r\n`);
  });
}

function basic({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
}
