import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Names of keys that may hold a secret; whatever stands under them, up to three levels down, is not written. */
export const SECRET_KEYS = [
  'password',
  'passphrase',
  'secret',
  'apiKey',
  'apiSecret',
  'signature',
  'token',
  'authorization',
  'privateKey',
  'key',
  'X-MBX-APIKEY',
];

const CENSOR = '[secret]';

/**
 * The service's log: one JSON object a line on standard output, where journald takes it. Time is left to journald's own
 * stamp and the record's `time`. Secrets are cut by key, and out of query strings in error texts.
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  const quoted = SECRET_KEYS.map((key) => (/^\w+$/.test(key) ? key : `["${key}"]`));
  const join = (prefix: string, key: string) =>
    key.startsWith('[') ? `${prefix}${key}` : `${prefix}.${key}`;
  const paths = quoted.flatMap((key) => [key, join('*', key), join('*.*', key), join('*.*.*', key)]);
  const options = {
    level,
    base: null,
    redact: { paths, censor: CENSOR },
    serializers: { err: serializeError, error: serializeError },
    hooks: {
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn) {
        method.apply(
          this,
          args.map((arg) => (typeof arg === 'string' ? scrub(arg) : arg)) as Parameters<pino.LogFn>,
        );
      },
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Cuts secrets out of free text: `signature=…`, `apiKey: "…"`, `user:password@host`. */
export function scrub(text: string): string {
  return text
    .replace(
      /((?:signature|api_?key|api_?secret|secret|password|passphrase|token|X-MBX-APIKEY)["']?\s*[=:]\s*["']?)[^\s"'&,;}]+/gi,
      `$1${CENSOR}`,
    )
    .replace(/(\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${CENSOR}@`);
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, remedy } = error as { code?: unknown; remedy?: unknown };
  return {
    type: error.name,
    message: scrub(error.message),
    ...(code === undefined ? {} : { code }),
    ...(remedy === undefined ? {} : { remedy }),
    stack: scrub(error.stack ?? ''),
  };
}
