import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fault, messageOf } from '../../core/errors.js';

/** `GET /metrics` for a Prometheus on this machine. */
export interface MetricsEndpoint {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The port it listens on; null while stopped. */
  port(): number | null;
}

const LOOPBACK = '127.0.0.1';
const REQUEST_MS_MAX = 5_000;
const CONNECTIONS_MAX = 8;

/** Serves `text` on loopback alone, read-only. `port` 0 takes a free one. `start` fails with `E_METRICS_PORT`. */
export function createMetricsEndpoint(port: number, text: () => Promise<string>): MetricsEndpoint {
  let server: Server | null = null;
  const bound = () => (server?.address() as AddressInfo | null)?.port ?? null;
  return {
    port: bound,
    async start() {
      const listening = createServer(
        { requestTimeout: REQUEST_MS_MAX, maxHeaderSize: 8192 },
        (request, response) => {
          const say = (status: number, type: string, body: string) => {
            response.writeHead(status, { 'content-type': type, connection: 'close' });
            response.end(body);
          };
          // A page in somebody's browser that has its own name point here must not read what the account is worth.
          const host = request.headers.host?.replace(/:\d+$/, '');
          if (host !== LOOPBACK && host !== 'localhost') return say(403, 'text/plain', 'not by that name\n');
          if (request.method !== 'GET') return say(405, 'text/plain', 'GET only\n');
          if (request.url !== '/metrics') return say(404, 'text/plain', 'see /metrics\n');
          text().then(
            (body) => say(200, 'text/plain; version=0.0.4; charset=utf-8', body),
            (error) => say(500, 'text/plain', `${messageOf(error)}\n`),
          );
        },
      );
      listening.maxConnections = CONNECTIONS_MAX;
      await new Promise<void>((resolve, reject) => {
        listening.once('error', (error) =>
          reject(
            fault(
              'E_METRICS_PORT',
              `metrics.port ${port} cannot be listened on: ${error.message}`,
              'choose another port, or leave it out',
              error,
            ),
          ),
        );
        listening.listen(port, LOOPBACK, resolve);
      });
      server = listening;
    },
    async stop() {
      const listening = server;
      server = null;
      if (listening === null) return;
      await new Promise<void>((resolve) => {
        listening.close(() => resolve());
        listening.closeAllConnections();
      });
    },
  };
}
