import type { Severity } from '../../core/alert.js';
import { fault, messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { redact } from '../alert-delivery/alert-log.js';
import { alertPayload } from '../alert-delivery/alert-payload.js';
import type { QueuedMessage } from '../alert-delivery/severity-queue.js';

export interface NtfyServer {
  /** Base address of the ntfy server, as `https://ntfy.sh`. */
  readonly url: string;
  /** On a public server whoever knows the topic can read it, so it is kept like a password. */
  readonly topic: { reveal(): string };
  readonly token?: { reveal(): string };
}

const REQUEST_TIMEOUT_MS = 10_000;
/** ntfy's priorities: 3 is normal, 4 vibrates, 5 also breaks through. */
const PRIORITY: Readonly<Record<Severity, number>> = { info: 3, warning: 4, critical: 5 };
const TAGS: Readonly<Record<Severity, string>> = {
  info: 'information_source',
  warning: 'warning',
  critical: 'rotating_light',
};

/** An acknowledgement of ntfy's is a few hundred bytes; a page of a hotel's network is not read to its end. */
const ANSWER_BYTES_MAX = 65_536;

/**
 * Hands one message over (docs.ntfy.sh, "Publish as JSON"). Rejects `E_NTFY`, without topic or token, unless ntfy itself has
 * taken it: any other server's "200" is none.
 */
export async function postToNtfy(
  server: NtfyServer,
  device: string,
  message: Pick<QueuedMessage, 'severity' | 'alerts' | 'backlog'>,
  clock: Pick<Clock, 'wallMs'>,
  signal: AbortSignal,
): Promise<void> {
  const alert = alertPayload(device, message, clock.wallMs());
  const body = JSON.stringify({
    topic: server.topic.reveal(),
    title: `${device}: ${alert.severity}`,
    message: `${alert.text}\n${alert.remedy}\n[${alert.id}]`,
    priority: PRIORITY[message.severity],
    tags: [TAGS[message.severity], alert.code],
  });
  let status: number;
  let answer: string;
  try {
    const response = await fetch(server.url, {
      method: 'POST',
      body,
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(server.token === undefined ? {} : { authorization: `Bearer ${server.token.reveal()}` }),
      },
      signal: AbortSignal.any([AbortSignal.timeout(REQUEST_TIMEOUT_MS), signal]),
    });
    status = response.status;
    answer = await shortText(response.body, ANSWER_BYTES_MAX);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const words = redact(messageOf(cause), [server.topic.reveal(), server.token?.reveal()]);
    throw fault('E_NTFY', `it cannot be reached: ${words}`, 'check ntfy.url');
  }
  if (status < 200 || status > 299) {
    const why = redact(reasonIn(answer), [server.topic.reveal(), server.token?.reveal()]);
    throw fault(
      'E_NTFY',
      `it answered ${status}${why === '' ? '' : `: ${why}`}`,
      'check the credentials ntfy-topic and ntfy-token',
    );
  }
  if (!isAcknowledgement(answer, server.topic.reveal())) {
    throw fault(
      'E_NTFY',
      'what answered is no ntfy server: a login page of the network, or a proxy',
      'open a web page in that network and log in, or check ntfy.url',
    );
  }
}

/** What ntfy says of a failure (docs.ntfy.sh: {"code":40301,"http":403,"error":"forbidden"}); empty where another answers. */
function reasonIn(answer: string): string {
  try {
    const { error } = JSON.parse(answer) as { error?: unknown };
    return typeof error === 'string' ? error.replace(/\p{Cc}/gu, ' ').slice(0, 200) : '';
  } catch {
    return '';
  }
}

/** ntfy answers with the message as it took it: its id, the event, the topic. */
function isAcknowledgement(answer: string, topic: string): boolean {
  try {
    const taken = JSON.parse(answer) as Readonly<Record<string, unknown>> | null;
    if (typeof taken !== 'object' || taken === null) return false;
    const { id, event = 'message', topic: on = topic } = taken;
    return typeof id === 'string' && id !== '' && event === 'message' && on === topic;
  } catch {
    return false;
  }
}

async function shortText(body: ReadableStream<Uint8Array> | null, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // What is longer is nothing of ntfy's; leaving the loop cancels the rest.
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > bytesMax) return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}
