import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.js';
import type { ControlRoutes } from './control-routes.js';
import type { ApiAnswer, ApiCall, Dialect } from './dialect.js';
import { Refusal } from './refusal.js';
import { ControlError } from './rejected-body.js';

const BODY_BYTES_MAX = 64 * 1024;

/**
 * What is done to a request instead of, or after, answering it. `drop` cuts the connection before anything happens,
 * `drop_answer` after the exchange has acted on it; `delay` lets it arrive late, `queue` wait
 * within the exchange; `answer` replaces the whole exchange.
 */
export type Interception =
  | { readonly kind: 'drop' }
  | { readonly kind: 'drop_answer' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'queue'; readonly ms: number }
  | Late
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/**
 * The rest of what can go wrong: `hang` and `hang_after` leave the caller waiting, before or after the exchange has acted;
 * `delay_answer`, `answer_after` and `change` are done to the answer.
 */
type Late =
  | { readonly kind: 'hang' | 'hang_after' }
  | { readonly kind: 'delay_answer'; readonly ms: number }
  | { readonly kind: 'answer_after'; readonly status: number; readonly body: string }
  | { readonly kind: 'change'; readonly change: (value: unknown) => unknown };

export type Interceptor = (call: ApiCall) => Interception | undefined;

/** The HTTP side: control, faults, and all else as the dialect answers it. */
export class HttpFront {
  readonly #dialect: Dialect;
  readonly #control: ControlRoutes;
  /** Everything but the status of the system is refused. */
  maintenance = false;
  /** Steered by tests; undefined lets everything pass. */
  interceptor: Interceptor | undefined;
  /** What a fault plan does to requests that the interceptor lets pass. */
  faults: Interceptor | undefined;

  constructor(dialect: Dialect, control: ControlRoutes) {
    this.#dialect = dialect;
    this.#control = control;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: string;
    try {
      body = await readBody(request);
    } catch (error) {
      send(response, 400, JSON.stringify({ code: -1000, msg: messageOf(error) }));
      return;
    }
    const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
    const params = new URLSearchParams(query && body ? `${query}&${body}` : query || body);
    const method = request.method ?? 'GET';
    const control = this.#control.get(`${method} ${path}`);
    if (control) {
      const { status, value } = await controlled(() => control(body === '' ? undefined : parsed(body)));
      send(response, status, JSON.stringify(value));
      return;
    }
    const call = { method, path, params };
    const interception = this.interceptor?.(call) ?? this.faults?.(call);
    if (interception?.kind === 'hang') return;
    if (interception?.kind === 'drop') {
      request.socket.destroy();
      return;
    }
    if (interception?.kind === 'delay') await delay(interception.ms, undefined, { ref: false });
    if (interception?.kind === 'answer') {
      send(response, interception.status, interception.body, interception.headers);
      return;
    }
    const answer = await this.#dialect.answer({
      ...call,
      query,
      body,
      headers: request.headers,
      maintenance: this.maintenance,
      queuedMs: interception?.kind === 'queue' ? interception.ms : 0,
    });
    switch (interception?.kind) {
      case 'drop_answer':
        request.socket.destroy();
        return;
      case 'hang_after':
        return;
      case 'answer_after':
        send(response, interception.status, interception.body);
        return;
      case 'delay_answer':
        await delay(interception.ms, undefined, { ref: false });
    }
    // What was refused has no figures that could be changed.
    const changed = interception?.kind === 'change' && answer.status === 200;
    const value = changed ? interception.change(answer.value) : answer.value;
    send(response, answer.status, JSON.stringify(value), answer.headers);
  }
}

/** The answer to a control request, or what does not fit in it. */
async function controlled(work: () => unknown): Promise<ApiAnswer> {
  try {
    return { status: 200, value: await work() };
  } catch (error) {
    const known = error instanceof ControlError || error instanceof Refusal;
    return { status: known ? 400 : 500, value: { code: known ? -1100 : -1000, msg: messageOf(error) } };
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new ControlError('the body is no JSON');
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers });
  response.end(body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`request body above ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
