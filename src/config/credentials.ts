import { readFileSync } from 'node:fs';
import path from 'node:path';
import { badInput, messageOf } from '../core/errors.js';

/** A secret that does not show itself when printed, logged or turned into JSON by mistake. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself, for the one call that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Looks a secret up by name: first as a file in systemd's `$CREDENTIALS_DIRECTORY` (`mqtt-password`), then in the
 * environment (`REDBUTTON_MQTT_PASSWORD`). Undefined where neither has it; an empty file (a unit's default for an
 * optional one) counts as none. A file that is there but cannot be read is an error, never a missing secret.
 */
export function readCredential(name: string, env: Env): Secret | undefined {
  const dir = env.CREDENTIALS_DIRECTORY;
  if (dir) {
    try {
      const text = readFileSync(path.join(dir, name), 'utf8').replace(/\r?\n$/, '');
      if (text !== '') return new Secret(text);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw badInput(
          'E_CREDENTIAL',
          `credential ${name} cannot be read: ${messageOf(error)}`,
          'check LoadCredential= of the unit and the mode of the file it names',
          error,
        );
      }
    }
  }
  const value = env[environmentName(name)];
  return value === undefined || value === '' ? undefined : new Secret(value);
}

/** `binance-api-key` is `REDBUTTON_BINANCE_API_KEY` in the environment. */
function environmentName(name: string): string {
  return `REDBUTTON_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** User and password of the broker; undefined where none is set. */
export function mqttCredentials(env: Env): { readonly username?: string; readonly password?: Secret } {
  const username = readCredential('mqtt-username', env)?.reveal();
  const password = readCredential('mqtt-password', env);
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

/** Topic and token of ntfy; undefined where not set. */
export function ntfyCredentials(env: Env): {
  readonly topic: Secret | undefined;
  readonly token: Secret | undefined;
} {
  return { topic: readCredential('ntfy-topic', env), token: readCredential('ntfy-token', env) };
}

/** API key of one exchange; undefined unless both halves are set. Half a key is an error. */
export function exchangeCredentials(
  exchangeId: string,
  env: Env,
): { readonly apiKey: Secret; readonly secret: Secret } | undefined {
  const apiKey = readCredential(`${exchangeId}-api-key`, env);
  const secret = readCredential(`${exchangeId}-api-secret`, env);
  if (apiKey === undefined && secret === undefined) return undefined;
  if (apiKey === undefined || secret === undefined) {
    const missing = `${exchangeId}-api-${apiKey === undefined ? 'key' : 'secret'}`;
    throw badInput(
      'E_CREDENTIAL',
      `credential ${missing} is missing while its other half is set`,
      `provide ${missing} too, or neither`,
    );
  }
  return { apiKey, secret };
}
