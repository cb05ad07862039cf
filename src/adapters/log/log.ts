import { type DestinationStream, type Logger, pino } from 'pino';
import { REDACTED, redact } from '../../core/redact.js';
import { journalPriority, type Severity } from './journal-priority.js';

export type Log = Logger;

/** Names of keys that may hold a secret; whatever stands under them, up to three levels down, is not written. */
const SECRET_KEYS = [
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

/**
 * The service's log: one JSON object a line on standard output, where journald takes it, each with its priority. Time is
 * left to journald's own stamp and the record's `time`. Secrets are cut by key, and out of every text.
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  const quoted = SECRET_KEYS.map((key) => (/^\w+$/.test(key) ? key : `["${key}"]`));
  const join = (prefix: string, key: string) =>
    key.startsWith('[') ? `${prefix}${key}` : `${prefix}.${key}`;
  const paths = quoted.flatMap((key) => [key, join('*', key), join('*.*', key), join('*.*.*', key)]);
  const options = {
    level,
    base: null,
    redact: { paths, censor: REDACTED },
    serializers: { err: serializeError, error: serializeError },
    formatters: { log: (fields: object) => redactFields(fields) as Record<string, unknown> },
    hooks: {
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn) {
        method.apply(
          this,
          args.map((arg) => (typeof arg === 'string' ? redact(arg) : arg)) as Parameters<pino.LogFn>,
        );
      },
    },
  };
  return pino(options, destination ?? toJournal());
}

/** Standard output; where that is the journal, with each line's priority in front of it. */
function toJournal(): DestinationStream {
  const stdout = pino.destination({ dest: 1, sync: true });
  const withPriority = journalPriority(1, process.env);
  // pino tells a stream that asks for it the level of the line it is about to write.
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write: (line: string) =>
      void stdout.write(withPriority((pino.levels.labels[stream.lastLevel] ?? 'info') as Severity, line)),
  };
  return stream;
}

/** Strings within fields, at any depth of plain objects and lists; errors have a serializer of their own. */
function redactFields(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactFields);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactFields(inner)]));
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, remedy } = error as { code?: unknown; remedy?: unknown };
  return {
    type: error.name,
    message: redact(error.message),
    ...(code === undefined ? {} : { code }),
    ...(remedy === undefined ? {} : { remedy }),
    stack: redact(error.stack ?? ''),
  };
}
