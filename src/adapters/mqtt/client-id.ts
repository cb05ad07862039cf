import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../core/errors.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import { writeDurably } from '../files/durable-file.js';

/** Under which the broker knows this client and keeps its session. */
export interface ClientId {
  /** Kept durably when it resolves: what the broker holds under an id that a power cut loses is lost with it. */
  value(): Promise<string>;
  /** Takes another one: somebody else uses the present one. */
  renew(): void;
}

const RANDOM_BYTES = 16;
const KEPT = /^[0-9a-f]{32}$/;

/**
 * An id that nobody can guess: whoever connects under it gets the messages of its session, the phone's halt among them.
 * The random part is kept in `file` (mode 0600), so that the session survives a restart; where that cannot be read or
 * written, the id is good for this process alone, and the log says so.
 */
export function openClientId(prefix: string, file: string | undefined, log: AlertLog): ClientId {
  const found = file === undefined ? null : read(file);
  let random = found === null ? fresh() : Promise.resolve(found);
  async function fresh(): Promise<string> {
    const made = randomBytes(RANDOM_BYTES).toString('hex');
    if (file === undefined) return made;
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o750 });
      await writeDurably(file, `${made}\n`, 0o600);
    } catch (error) {
      log.warn(
        { errorCode: 'E_MQTT_CLIENT_ID', detail: messageOf(error) },
        `the MQTT client id cannot be kept in ${file}: what the broker holds for this box while it restarts is lost. Let the folder be written.`,
      );
    }
    return made;
  }
  return {
    value: async () => `${prefix}-${await random}`,
    renew() {
      random = fresh();
    },
  };
}

function read(file: string): string | null {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return KEPT.test(text) ? text : null;
  } catch {
    return null;
  }
}
