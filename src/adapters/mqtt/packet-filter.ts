import { Transform, type TransformCallback } from 'node:stream';

/** A PUBLISH that was too large to be kept: what its first bytes said. */
export interface SkippedPublish {
  readonly topic: string;
  /** The flag as delivered. */
  readonly retained: boolean;
  /** Of the whole packet without its fixed header. */
  readonly bytes: number;
  /** The broker has sent it before, and got no acknowledgement. */
  readonly again: boolean;
}

export interface PacketFilterOptions {
  /** Larger packets do not get through (remaining length, bytes). */
  readonly bytesMax: number;
  /**
   * Called once the topic is known, before the rest of the packet has arrived. The packet is acknowledged when this resolves;
   * where it rejects the connection ends, since the broker sends the packet again on the next one alone.
   */
  readonly onSkipped: (publish: SkippedPublish) => void | Promise<void>;
  /** Writes bytes to the broker: the acknowledgement of a packet that the client never sees. */
  readonly answer: (bytes: Buffer) => void;
}

const PUBLISH = 3;
const PUBACK = 0x40;
const PUBREC = 0x50;
const LENGTH_BYTES_MAX = 4;

/**
 * Stands between the socket and the client's parser, which buffers a packet until it is whole, whatever its size: MQTT
 * allows 256 MB. A PUBLISH above `bytesMax` is reported, acknowledged once it is taken, so that the broker does not send it
 * again at each connection, and skipped byte by byte as it arrives. All else passes unchanged. Any other packet of that size,
 * a PUBLISH without a topic, and a length that is none end the connection with `ERR_MQTT_PACKET_SIZE`.
 */
export function createPacketFilter({ bytesMax, onSkipped, answer }: PacketFilterOptions): Transform {
  let passLeft = 0;
  let skipLeft = 0;
  /** The beginning of a packet: its fixed header, and topic and id of one that is too large. */
  let head: Buffer = Buffer.alloc(0);

  /** Takes what is known of the packet in `head`; false while that is not enough. */
  function begin(filter: Transform): boolean {
    const fixed = fixedHeader(head);
    if (fixed === null) return false;
    const { type, qos, retained, again, length, bytes } = fixed;
    if (length <= bytesMax) {
      filter.push(head.subarray(0, bytes));
      passLeft = length;
      head = head.subarray(bytes);
      return true;
    }
    if (type !== PUBLISH) throw tooLarge(`packet of type ${type} and ${length} bytes`);
    const rest = head.subarray(bytes);
    if (rest.length < 2) return false;
    const topicBytes = rest.readUInt16BE(0);
    if (topicBytes === 0) throw tooLarge(`PUBLISH of ${length} bytes without a topic`);
    const known = 2 + topicBytes + (qos > 0 ? 2 : 0);
    if (known > length) throw tooLarge('PUBLISH that is shorter than its topic');
    if (rest.length < known) return false;
    skipLeft = length - known;
    const acknowledgement = Buffer.from([qos === 1 ? PUBACK : PUBREC, 2, rest[known - 2]!, rest[known - 1]!]);
    const topic = rest.toString('utf8', 2, 2 + topicBytes);
    Promise.resolve(onSkipped({ topic, retained, bytes: length, again })).then(
      () => qos > 0 && answer(acknowledgement),
      (error: Error) => void filter.destroy(error),
    );
    head = rest.subarray(known);
    return true;
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      let left = chunk;
      try {
        while (left.length > 0) {
          if (passLeft > 0) {
            const part = left.subarray(0, passLeft);
            this.push(part);
            passLeft -= part.length;
            left = left.subarray(part.length);
          } else if (skipLeft > 0) {
            const skipped = Math.min(skipLeft, left.length);
            skipLeft -= skipped;
            left = left.subarray(skipped);
          } else {
            head = head.length === 0 ? left : Buffer.concat([head, left]);
            left = Buffer.alloc(0);
            if (begin(this)) {
              left = head;
              head = Buffer.alloc(0);
            }
          }
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

/** MQTT 5 and 3.1.1, section 2.1: type and flags, then the remaining length, seven bits a byte; null while incomplete. */
function fixedHeader(head: Buffer) {
  let length = 0;
  for (let i = 1; i < head.length; i++) {
    if (i > LENGTH_BYTES_MAX) throw tooLarge('packet whose length has more than four bytes');
    const byte = head[i]!;
    length += (byte & 0x7f) * 128 ** (i - 1);
    if ((byte & 0x80) !== 0) continue;
    const first = head[0]!;
    const [qos, retained, again] = [(first >> 1) & 3, (first & 1) === 1, (first & 8) !== 0];
    return { type: first >> 4, qos, retained, again, length, bytes: i + 1 };
  }
  if (head.length > LENGTH_BYTES_MAX) throw tooLarge('packet whose length has more than four bytes');
  return null;
}

function tooLarge(what: string): Error {
  return Object.assign(new Error(`the broker sent a ${what}`), { code: 'ERR_MQTT_PACKET_SIZE' });
}
