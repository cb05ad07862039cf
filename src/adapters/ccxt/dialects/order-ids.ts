import { createHash } from 'node:crypto';
import { invariant } from '../../../core/errors.js';
import { givenOrderId } from '../../../core/order-owner.js';

/** How client order ids look at an exchange. */
export interface IdRule {
  /**
   * `plain`: as the box gives them, `rb-<device>-<tail>`. `compact`: `rb`, five characters for the device, and the tail, without
   * a hyphen. `hex`: 32 hexadecimal digits. The last two can be read back by the box that made them alone.
   */
  readonly form: 'plain' | 'compact' | 'hex';
  readonly lengthMax: number;
  /** What the exchange wants in front of every id, and is not counted in its length. */
  readonly prefix: string;
  /** What is put in front by ccxt on the way out, and comes back with the id. */
  readonly decoration: string;
}

/** Ids of this box as one exchange takes them. */
export interface OrderIdCodec {
  /** As it is sent. Throws where the exchange would reject it: then nothing may be sent. */
  toWire(id: string): string;
  /** As the box gave it, whatever version it was; a stranger's comes back as it is. */
  fromWire(wire: string): string;
}

export const PLAIN_IDS: IdRule = { form: 'plain', lengthMax: 36, prefix: '', decoration: '' };

/** The device's name may hold hyphens, what follows it never does: see `isOrderOf`. */
const GIVEN = /^rb-(.+)-([a-z0-9]+)$/;
const COMPACT_DEVICE = 5;
const HEX_DEVICE = 10;
const HEX_TAIL = 22;
/** Stands before the tail as it becomes a number, so that its leading zeros count. */
const SENTINEL = '1';

export function createOrderIdCodec(rule: IdRule, device: string): OrderIdCodec {
  return {
    toWire(id) {
      const bare = withoutPrefix(rule, encode(rule, id));
      invariant(bare.length <= rule.lengthMax, `client order id ${bare} is longer than ${rule.lengthMax}`);
      return rule.prefix + bare;
    },
    fromWire(wire) {
      const bare = wire.startsWith(rule.decoration) ? wire.slice(rule.decoration.length) : wire;
      return decode(rule, withoutPrefix(rule, bare), device) ?? givenOrderId(bare);
    },
  };
}

function withoutPrefix({ prefix }: IdRule, id: string): string {
  return id.startsWith(prefix) ? id.slice(prefix.length) : id;
}

function encode({ form, lengthMax }: IdRule, id: string): string {
  const [, device, tail] = GIVEN.exec(id) ?? [];
  // An id that was adopted from the exchange goes back as it came.
  if (form === 'plain' || device === undefined || tail === undefined) return id;
  if (form === 'compact') return `rb${compactDevice(device)}${tail}`;
  const number = toBigInt(SENTINEL + tail).toString(16);
  invariant(
    number.length <= HEX_TAIL && lengthMax >= HEX_DEVICE + HEX_TAIL,
    `${id} does not fit in 32 digits`,
  );
  return hexDevice(device) + number.padStart(HEX_TAIL, '0');
}

function decode({ form }: IdRule, wire: string, device: string): string | null {
  const lower = wire.toLowerCase();
  if (form === 'compact') {
    const head = `rb${compactDevice(device)}`;
    return /^rb[a-z0-9]+$/.test(lower) && lower.startsWith(head) && lower.length > head.length
      ? `rb-${device}-${lower.slice(head.length)}`
      : null;
  }
  if (form !== 'hex') return null;
  // Some exchanges answer 32 digits as a UUID, with hyphens.
  const digits = lower.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/.test(digits) || !digits.startsWith(hexDevice(device))) return null;
  const tail = BigInt(`0x${digits.slice(HEX_DEVICE)}`).toString(36);
  return tail.startsWith(SENTINEL) && tail.length > 1 ? `rb-${device}-${tail.slice(1)}` : null;
}

function digest(device: string): Buffer {
  return createHash('sha256').update(device).digest();
}

function compactDevice(device: string): string {
  return digest(device).readUInt32BE().toString(36).padStart(COMPACT_DEVICE, '0').slice(-COMPACT_DEVICE);
}

function hexDevice(device: string): string {
  return digest(device).toString('hex').slice(0, HEX_DEVICE);
}

function toBigInt(base36: string): bigint {
  return [...base36].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
}
