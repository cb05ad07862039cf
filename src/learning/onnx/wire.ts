import { badInput } from '../../core/errors.js';

/**
 * The protobuf wire format, as far as ONNX files need it: https://protobuf.dev/programming-guides/encoding.
 * A message under construction is a list of byte chunks; reading walks over its fields without copying.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return out;
}

/** Joins chunks into one array. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** An integer field (int32, int64, enum, bool); negative numbers take ten bytes, as the format has it. */
export function integerField(field: number, value: number | bigint): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | VARINT), ...varint(value)]);
}

/** A field of bytes, or an embedded message. */
export function bytesField(field: number, value: Uint8Array): Uint8Array {
  return concat([Uint8Array.from([...varint((field << 3) | BYTES), ...varint(value.length)]), value]);
}

export function stringField(field: number, value: string): Uint8Array {
  return bytesField(field, encoder.encode(value));
}

/** An embedded message of the given fields. */
export function messageField(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytesField(field, concat(parts));
}

/** A packed list of integers. */
export function packedIntegers(field: number, values: Iterable<number>): Uint8Array {
  const bytes: number[] = [];
  for (const value of values) {
    // The common case, small and not negative, needs no BigInt; a forest has hundreds of thousands of these.
    if (value >= 0 && value <= 0x7fffffff) {
      let rest = value;
      while (rest > 0x7f) {
        bytes.push((rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      bytes.push(rest);
    } else for (const byte of varint(value)) bytes.push(byte);
  }
  return bytesField(field, Uint8Array.from(bytes));
}

/** A packed list of 32-bit floats. */
export function packedFloats(field: number, values: Float32Array): Uint8Array {
  return bytesField(field, float32Bytes(values));
}

/** Little-endian bytes, whatever the machine. */
export function float32Bytes(values: Float32Array): Uint8Array {
  return littleEndian(values, 4, (view, at, value) => view.setFloat32(at, value, true));
}

export function float64Bytes(values: Float64Array): Uint8Array {
  return littleEndian(values, 8, (view, at, value) => view.setFloat64(at, value, true));
}

function littleEndian(
  values: Float32Array | Float64Array,
  size: number,
  write: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const out = new Uint8Array(values.length * size);
  const view = new DataView(out.buffer);
  values.forEach((value: number, i: number) => {
    write(view, i * size, value);
  });
  return out;
}

/** One field as it stands in a message. */
export interface WireField {
  readonly field: number;
  /** The whole field, tag and length included, to be written out again unchanged. */
  readonly whole: Uint8Array;
  /** Contents of a length-delimited field; undefined for others. */
  readonly bytes?: Uint8Array;
  /** Value of a varint field; undefined for others. */
  readonly integer?: bigint;
}

/** The fields of a message, in order. Throws `E_MODEL_FILE` where the bytes are no protobuf message. */
export function readFields(message: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const damaged = (what: string) =>
    badInput(
      'E_MODEL_FILE',
      `the model file is no ONNX file, or a damaged one: ${what} at byte ${at} of a message`,
      'export or copy the model again',
    );
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw damaged('a number is cut short');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw damaged('a number has too many bytes');
  };
  while (at < message.length) {
    const start = at;
    const tag = Number(readVarint());
    const field = Math.floor(tag / 8);
    if (field < 1 || field > 0x1fffffff) throw damaged(`there is no field ${field}`);
    const kind = tag % 8;
    if (kind === VARINT) {
      const integer = readVarint();
      fields.push({ field, integer, whole: message.subarray(start, at) });
      continue;
    }
    if (kind !== BYTES && kind !== FIXED32 && kind !== FIXED64) throw damaged(`unknown wire type ${kind}`);
    const length = kind === BYTES ? Number(readVarint()) : kind === FIXED32 ? 4 : 8;
    if (length > message.length - at) throw damaged('a field is cut short');
    const bytes = message.subarray(at, at + length);
    at += length;
    fields.push({ field, whole: message.subarray(start, at), ...(kind === BYTES ? { bytes } : {}) });
  }
  return fields;
}

/** The text of the first field with that number; '' where there is none. */
export function textOf(fields: readonly WireField[], field: number): string {
  const bytes = fields.find((candidate) => candidate.field === field)?.bytes;
  try {
    return bytes === undefined ? '' : decoder.decode(bytes);
  } catch (error) {
    throw badInput(
      'E_MODEL_FILE',
      'the model file holds a name that is not UTF-8',
      'export the model again',
      error,
    );
  }
}
