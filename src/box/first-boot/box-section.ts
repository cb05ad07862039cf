import { z } from 'zod';
import { isHost } from '../../config/addresses.js';
import { countryMistake } from './countries.js';
import type { TimeZones } from './time-zones.js';

/**
 * The table `[box]` of the card's `redbutton.toml`: what the machine itself needs. All else in that file is the trader's
 * configuration. A table that is absent keeps what an earlier file said.
 */

const SSH_KEY =
  /^(?:(?:sk-)?ssh-ed25519(?:@openssh\.com)?|ssh-rsa|(?:sk-)?ecdsa-sha2-nistp256(?:@openssh\.com)?|ecdsa-sha2-nistp(?:384|521)) [A-Za-z0-9+/]{40,}={0,3}(?: [^\n\r]*)?$/;

const LOST_LETTER = 'holds �, which an editor writes for a letter it could not read: write that letter again';

const wifi = z.strictObject({
  name: z
    .string()
    .refine((text) => between(Buffer.byteLength(text), 1, 32), 'expected a network name of 1 to 32 bytes')
    .refine(isWhole, LOST_LETTER),
  password: z
    .string()
    .regex(/^(?:[\x20-\x7e]{8,63}|[0-9a-fA-F]{64})$/, 'expected 8 to 63 plain characters, or 64 hex digits'),
  country: z.string().superRefine((text, context) => {
    const message = countryMistake(text);
    if (message !== null) context.addIssue({ code: 'custom', message });
  }),
});

const host = z.string().refine(isHost, 'expected a name or an address, without a port');

/** The table, for a system that has these time zones. */
export const boxSectionFor = (zones: TimeZones) =>
  z
    .strictObject({
      hostname: z
        .string()
        .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a-z, 0-9 and inner hyphens')
        .optional(),
      timeZone: z
        .string()
        .transform((text, context) => {
          const reading = zones.read(text);
          if ('name' in reading) return reading.name;
          context.addIssue({ code: 'custom', message: reading.mistake });
          return z.NEVER;
        })
        .optional(),
      timeServers: z.array(host).min(1).max(8).optional(),
      wifi: wifi.optional(),
      ssh: z
        .strictObject({
          keys: z.array(
            z.string().regex(SSH_KEY, 'expected a line of an OpenSSH public key file (id_….pub)'),
          ),
        })
        .optional(),
      broker: z.strictObject({ onBox: z.boolean() }).optional(),
      credentials: z
        .record(
          z
            .string()
            .regex(
              /^(?:mqtt-(?:username|password)|ntfy-(?:topic|token)|(?:guard-)?[a-z0-9]{2,30}-(?:api-(?:key|secret|passphrase|uid)|wallet-address|agent-key))$/,
              'no such credential; known are mqtt-username, mqtt-password, ntfy-topic, ntfy-token, EXCHANGE-api-key, EXCHANGE-api-secret and the guard-EXCHANGE-api-… of the guard; some exchanges want EXCHANGE-api-passphrase, or EXCHANGE-wallet-address and EXCHANGE-agent-key',
            ),
          z
            .string()
            .regex(/^[^\0\n\r]{1,4096}$/, 'expected one line of text')
            .refine(isWhole, LOST_LETTER),
        )
        .optional(),
    })
    .prefault({});

export type BoxSection = z.infer<ReturnType<typeof boxSectionFor>>;

function between(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function isWhole(text: string): boolean {
  return !text.includes('\ufffd');
}
