import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { createPacketFilter, type SkippedPublish } from '../../../src/adapters/mqtt/packet-filter.js';
import { seededRng } from '../../../src/core/seeded-rng.js';

const BYTES_MAX = 1000;

/** Sends `bytes` through a filter in pieces of `size`; what came through, was reported and answered. */
async function through(bytes: Buffer, size: number) {
  const passed: Buffer[] = [];
  const skipped: SkippedPublish[] = [];
  const answers: string[] = [];
  const filter = createPacketFilter({
    bytesMax: BYTES_MAX,
    onSkipped: (publish) => void skipped.push(publish),
    answer: (answer) => void answers.push(answer.toString('hex')),
  });
  filter.on('data', (chunk: Buffer) => void passed.push(chunk));
  const ended = new Promise<Error | null>((resolve) => {
    filter.once('error', resolve);
    filter.once('end', () => resolve(null));
  });
  for (let at = 0; at < bytes.length; at += size) filter.write(bytes.subarray(at, at + size));
  filter.end();
  return { error: await ended, passed: Buffer.concat(passed), skipped, answers };
}

const publish = (topic: string, bytes: number, qos: 0 | 1 | 2, more: object = {}, protocolVersion = 5) =>
  generate(
    {
      cmd: 'publish',
      topic,
      payload: Buffer.alloc(bytes, 'x'),
      qos,
      messageId: 0x1234,
      dup: false,
      retain: false,
      ...more,
    },
    { protocolVersion },
  );

describe('the filter in front of the client', () => {
  it.each([4, 5])(
    'lets packets within the limit through unchanged, whatever the pieces (protocol %i)',
    async (version) => {
      const bytes = Buffer.concat([
        generate({ cmd: 'pingresp' }),
        publish('a/b', 900, 1, {}, version),
        publish('a/b', 0, 0, {}, version),
        publish('a/b', 120, 2, {}, version),
      ]);
      for (const size of [1, 2, 3, 7, 64, 5000]) {
        expect(await through(bytes, size)).toEqual({ error: null, passed: bytes, skipped: [], answers: [] });
      }
    },
  );

  it('reports and acknowledges what is too large, skips it, and continues with what follows', async () => {
    const before = publish('a', 10, 0);
    const after = publish('b', 10, 1);
    const large = [
      publish('redbutton/box/cmd/halt', 5000, 0),
      publish('redbutton/box/cmd/halt/', 70_000, 1, { retain: true, properties: { contentType: 'x' } }),
      publish('t', 3_000_000, 2),
    ];
    for (const size of [1, 5, 1000, 1 << 20]) {
      if (size === 1) large.length = 2;
      const result = await through(Buffer.concat([before, ...large, after]), size);
      expect(result.passed).toEqual(Buffer.concat([before, after]));
      expect(result.error).toBeNull();
      expect(result.skipped.slice(0, 2)).toMatchObject([
        { topic: 'redbutton/box/cmd/halt', retained: false },
        { topic: 'redbutton/box/cmd/halt/', retained: true },
      ]);
      expect(result.answers).toEqual(['40021234', '50021234'].slice(0, large.length - 1));
      if (size === 1) large.push(publish('t', 3_000_000, 2));
    }
  });

  it('reports before the rest has come', async () => {
    const skipped: SkippedPublish[] = [];
    const filter = createPacketFilter({
      bytesMax: BYTES_MAX,
      onSkipped: (publish) => void skipped.push(publish),
      answer: () => undefined,
    });
    filter.write(publish('redbutton/box/cmd/halt', 5000, 1).subarray(0, 40));
    expect(skipped).toHaveLength(1);
  });

  it('acknowledges once the packet is taken, and ends the connection where it is not, since the broker repeats it on the next', async () => {
    const large = publish('redbutton/box/cmd/halt', 5000, 1);
    for (const taken of [true, false]) {
      const answers: Buffer[] = [];
      let settle = (_taken: Promise<void>): void => {};
      const settled = new Promise<void>((resolve) => {
        settle = resolve;
      });
      const filter = createPacketFilter({
        bytesMax: BYTES_MAX,
        onSkipped: () => settled,
        answer: (answer) => void answers.push(answer),
      });
      const failed = new Promise<Error | null>((resolve) => {
        filter.once('error', resolve);
        setTimeout(() => resolve(null), 200);
      });
      filter.resume().write(large);
      await new Promise((resolve) => setImmediate(resolve));
      expect(answers).toEqual([]);
      settle(taken ? Promise.resolve() : Promise.reject(new Error('the guard did not halt')));
      expect((await failed)?.message ?? null).toBe(taken ? null : 'the guard did not halt');
      expect(answers).toHaveLength(taken ? 1 : 0);
    }
  });

  it('ends the connection where a packet can be neither kept nor skipped', async () => {
    for (const bytes of [
      // No PUBLISH; no topic; a topic longer than its packet; a length of five bytes.
      Buffer.from([0x20, 0xff, 0xff, 0x01, 0, 0]),
      Buffer.from([0x30, 0xff, 0xff, 0x01, 0, 0]),
      Buffer.from([0x30, 0xe9, 0x07, 0xff, 0xff]),
      Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]),
    ]) {
      const { error } = await through(bytes, 100);
      expect(error).toMatchObject({ code: 'ERR_MQTT_PACKET_SIZE' });
    }
  });

  it('loses, adds and changes no byte over 300 random streams', async () => {
    const rng = seededRng(20_261_128);
    const upTo = (most: number) => Math.floor(rng.next() * most);
    for (let round = 0; round < 300; round++) {
      const packets = Array.from({ length: 1 + upTo(12) }, () => {
        const large = rng.next() < 0.3;
        return {
          large,
          bytes: publish(`t/${upTo(1000)}`, large ? 1000 + upTo(30_000) : upTo(900), upTo(3) as 0 | 1 | 2),
        };
      });
      const result = await through(Buffer.concat(packets.map(({ bytes }) => bytes)), 1 + upTo(3000));
      const kept = packets.filter(({ large }) => !large).map(({ bytes }) => bytes);
      expect(result.passed.equals(Buffer.concat(kept))).toBe(true);
      expect(result.skipped).toHaveLength(packets.length - kept.length);
    }
  });
});
