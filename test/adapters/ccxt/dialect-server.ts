import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExchangeSettings } from '../../../src/adapters/ccxt/index.js';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Query and body together. */
  readonly params: URLSearchParams;
  readonly body: string;
}

/** A server that answers as an exchange would, and notes what it was asked. */
export interface DialectServer {
  readonly seen: SeenRequest[];
  settings(id: string, symbols: readonly string[], sandbox?: boolean): ExchangeSettings;
  stop(): Promise<void>;
}

/** `answers` by path, or by a function of the request; what nobody has an answer for is answered with 404. */
export async function startDialect(answer: (request: SeenRequest) => unknown): Promise<DialectServer> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const url = new URL(request.url!, 'http://127.0.0.1');
    const params = new URLSearchParams(`${url.search.slice(1)}&${body.startsWith('{') ? '' : body}`);
    const { method = '', headers } = request;
    const one: SeenRequest = { method, path: url.pathname, headers, params, body };
    seen.push(one);
    const given = answer(one);
    response.writeHead(given === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(given ?? { error: `nothing is known of ${url.pathname}` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    settings: (id, symbols, sandbox = false) => ({
      id,
      symbols,
      sandbox,
      restUrl: `http://127.0.0.1:${port}`,
      wsUrl: `ws://127.0.0.1:${port}`,
    }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
