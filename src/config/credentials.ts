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

/** A credential of an exchange by the end of its name, and the setting that takes it. */
interface CredentialName {
  readonly name: string;
  readonly setting: string;
}

const KEY_AND_SECRET: readonly CredentialName[] = [
  { name: 'api-key', setting: 'apiKey' },
  { name: 'api-secret', setting: 'secret' },
];

/** The secrets of one exchange by the settings that take them; undefined where none is set. A part of them is an error. */
export function exchangeCredentials(
  exchangeId: string,
  env: Env,
  names: readonly CredentialName[] = KEY_AND_SECRET,
): Readonly<Record<string, Secret>> | undefined {
  return credentialsFrom((name) => readCredential(name, env), exchangeId, names);
}

/** The same, read by a function of the full name. */
export function credentialsFrom(
  read: (name: string) => Secret | undefined,
  exchangeId: string,
  names: readonly CredentialName[],
): Readonly<Record<string, Secret>> | undefined {
  const found = names.map(({ name, setting }) => {
    const full = `${exchangeId}-${name}`;
    return { full, setting, secret: read(full) };
  });
  const missing = found.filter(({ secret }) => secret === undefined).map(({ full }) => full);
  if (missing.length === found.length) return undefined;
  if (missing.length > 0) {
    throw badInput(
      'E_CREDENTIAL',
      `credential ${missing.join(' and ')} is missing while its other half is set`,
      `provide ${missing.join(' and ')} too, or none of ${found.map(({ full }) => full).join(', ')}`,
    );
  }
  return Object.fromEntries(found.map(({ setting, secret }) => [setting, withLineEnds(secret!)]));
}

/** Secrets as the one call takes them that signs with them. */
export function revealed(credentials: Readonly<Record<string, Secret>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(credentials).map(([setting, secret]) => [setting, secret.reveal()]),
  );
}

/** A private key in PEM often comes as one line, from a JSON file, with its line ends written out. */
function withLineEnds(secret: Secret): Secret {
  const text = secret.reveal();
  return text.includes('-----BEGIN') ? new Secret(text.replaceAll('\\n', '\n').trim()) : secret;
}
