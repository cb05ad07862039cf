import { z } from 'zod';
import { address } from './addresses.js';

/** The sections of the configuration that say how the box speaks to a person. */

const positiveMs = z.number().int().positive();

export const mqtt = z
  .strictObject({
    url: address({
      schemes: ['mqtt', 'mqtts'],
      expected: 'expected mqtt://host:port or mqtts://host:port, without user or password',
      path: true,
    })
      .optional()
      .describe('mqtt:// or mqtts://; absent = no alerts leave the box, which is logged as such.'),
    caFile: z
      .string()
      .optional()
      .describe("PEM file of the broker's certificate authority, where it is no public one."),
    certFile: z.string().optional().describe('Client certificate and its key, PEM files; both or neither.'),
    keyFile: z.string().optional().describe("The client certificate's key, a PEM file."),
    keepaliveSeconds: z
      .number()
      .int()
      .positive()
      .max(65_535)
      .default(30)
      .describe('Seconds between signs of life to the broker.'),
    protocolVersion: z
      .union([z.literal(4), z.literal(5)], { error: 'expected 4 or 5' })
      .default(5)
      .describe(
        '5, or 4 (MQTT 3.1.1) for a broker without it: then the box cannot know whether a phone is subscribed.',
      ),
    discoveryPrefix: z
      .string()
      .regex(/^[^+#\s]*$/, 'expected a topic without wildcards')
      .default('homeassistant')
      .describe("Root of Home Assistant's discovery topics; empty = no discovery."),
  })
  .prefault({});

const localTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected local time as in "22:30"');

export const ntfy = z
  .strictObject({
    url: address({
      schemes: ['http', 'https'],
      expected: 'expected https://host, without user, path or topic',
      path: false,
    })
      .default('https://ntfy.sh')
      .describe(
        "An ntfy server, public or one's own; the topic is the credential ntfy-topic, since it is all that guards it.",
      ),
  })
  .prefault({});

export const alerts = z
  .strictObject({
    sinks: z
      .array(z.enum(['mqtt', 'ntfy']))
      .default(['mqtt'])
      .describe("Where alerts go; state and the halt command are MQTT's alone."),
    quietFrom: localTime
      .optional()
      .describe('Local hours in which info alerts wait. Both or neither; may span midnight.'),
    quietTo: localTime.optional().describe('End of the quiet hours.'),
    dailySummaryAt: localTime.optional().describe('Local time of the daily summary; absent = none.'),
    releaseUrl: address({
      schemes: ['http', 'https'],
      expected: 'expected https://…, without user or password',
      path: true,
    })
      .regex(
        /^https:\/\/[^@]+$|^http:\/\/127\.0\.0\.1[:/][^@]+$/,
        'expected https://…, without user or password',
      )
      .optional()
      .describe(
        'Page whose first line is the newest version of Redbutton, fetched once a day; absent = never. Nothing but that line is fetched.',
      ),
    perCodeMax: z
      .number()
      .int()
      .positive()
      .default(20)
      .describe(
        'Alerts of one code within `rateWindowMs` above which further ones wait and are folded. Critical ones never wait.',
      ),
    rateWindowMs: positiveMs.default(600_000).describe('See perCodeMax.'),
    backlogPerSecondMax: z
      .number()
      .positive()
      .max(1000)
      .default(20)
      .describe('How fast alerts that waited for the broker go out.'),
  })
  .prefault({});
