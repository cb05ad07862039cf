import { request } from 'node:http';
import { fault, messageOf } from '../../core/errors.js';

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

const ANSWER_BYTES_MAX = 1 << 20;

/**
 * One request to a control socket. Fails with `E_SOCKET_NOBODY` (nobody answers there), `E_SOCKET_DENIED` (not allowed),
 * `E_SOCKET_TIMEOUT` or `E_SOCKET`. `who` names the other end ("the guard").
 */
export function callControl(
  socketPath: string,
  who: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  timeoutMs = 10_000,
  answerBytesMax = ANSWER_BYTES_MAX,
): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, timeout: timeoutMs, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > answerBytesMax) call.destroy(new Error('the answer is too long'));
        chunks.push(chunk);
      });
      response.on('error', (error) => reject(describe(error, socketPath, who)));
      response.on('end', () => {
        try {
          resolve({
            status: response.statusCode ?? 0,
            body: JSON.parse(Buffer.concat(chunks).toString('utf8')),
          });
        } catch (error) {
          reject(describe(error, socketPath, who));
        }
      });
    });
    call.on('timeout', () =>
      call.destroy(
        fault(
          'E_SOCKET_TIMEOUT',
          `${who} did not answer at ${socketPath} in ${timeoutMs / 1000} s`,
          'look at its log; its service may hang',
        ),
      ),
    );
    call.on('error', (error) => reject(describe(error, socketPath, who)));
    if (body !== undefined) call.setHeader('content-type', 'application/json');
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function describe(error: unknown, socketPath: string, who: string): unknown {
  if (error instanceof Error && error.name === 'RedbuttonError') return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return fault(
      'E_SOCKET_NOBODY',
      `${who} is not running: there is no answer at ${socketPath}`,
      'start it, or name the right run directory with --run-dir',
      error,
    );
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return fault(
      'E_SOCKET_DENIED',
      `not allowed to speak to ${who} at ${socketPath}`,
      'run this as root or as a member of the group that owns the socket',
      error,
    );
  }
  return fault(
    'E_SOCKET',
    `speaking to ${who} at ${socketPath} failed: ${messageOf(error)}`,
    'try again',
    error,
  );
}
