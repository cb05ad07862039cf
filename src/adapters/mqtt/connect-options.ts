import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { IClientOptions } from 'mqtt';
import { badInput, messageOf } from '../../core/errors.js';

/** The part of the configuration that this adapter reads; the schema holds defaults and meaning. */
export interface MqttConfig {
  readonly url?: string | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly keepaliveSeconds: number;
  /** 5 when absent; 4 is MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5 | undefined;
  readonly discoveryPrefix: string;
}

/** A password keeps itself out of logs; `reveal` is called once a connection attempt. */
export interface MqttCredentials {
  readonly username?: string;
  readonly password?: { reveal(): string };
}

/** A week: as long as a box is likely to be away while somebody's `cmd/halt` waits for it at the broker. */
const SESSION_EXPIRY_SECONDS = 7 * 24 * 3600;

/**
 * What the client gets for one attempt. Reconnecting is off in it: the link does that. No `maximumPacketSize` is asked
 * for: the broker would drop a larger halt without a word, and the filter on the stream skips what is too large.
 */
export function connectOptions(
  config: MqttConfig,
  clientId: string,
  credentials: MqttCredentials,
  connectTimeoutMs: number,
  willTopic: string | undefined,
  clean: boolean,
): IClientOptions {
  return {
    protocolVersion: config.protocolVersion ?? 5,
    clientId,
    clean: clean || willTopic === undefined,
    keepalive: config.keepaliveSeconds,
    reconnectPeriod: 0,
    connectTimeout: connectTimeoutMs,
    resubscribe: false,
    ...(config.protocolVersion === 4
      ? {}
      : {
          properties: {
            sessionExpiryInterval: willTopic === undefined ? 0 : SESSION_EXPIRY_SECONDS,
          },
        }),
    ...(willTopic === undefined
      ? {}
      : { will: { topic: willTopic, payload: Buffer.from('offline'), qos: 1 as const, retain: true } }),
    ...(credentials.username === undefined ? {} : { username: credentials.username }),
    ...(credentials.password === undefined ? {} : { password: credentials.password.reveal() }),
  };
}

/** Certificate files are read again for each attempt, so a renewed one is used without a restart. */
export function tlsOptions(config: MqttConfig): Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> {
  return {
    ...(config.caFile === undefined ? {} : { ca: readPem(config.caFile, 'mqtt.caFile') }),
    ...(config.certFile === undefined ? {} : { cert: readPem(config.certFile, 'mqtt.certFile') }),
    ...(config.keyFile === undefined ? {} : { key: readPem(config.keyFile, 'mqtt.keyFile') }),
  };
}

function readPem(file: string, key: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw badInput(
      'E_MQTT_TLS_FILE',
      `${key} cannot be read: ${messageOf(error)}`,
      `let ${key} name a PEM file that this user may read`,
      error,
    );
  }
}
