import { crc32c } from './crc32c.js';
import type { TradingState } from './trading-state.js';

/**
 * The permit as bytes: what the guard writes and the order gate reads. One record of 64 bytes, little-endian:
 *
 * | offset | bytes | what                                                                       |
 * |--------|-------|----------------------------------------------------------------------------|
 * | 0      | 4     | "RBP1"                                                                     |
 * | 4      | 4     | state: 0 revoked, 1 ACTIVE, 2 REDUCING, 3 FLATTENING                       |
 * | 8      | 8     | epoch, a whole number as float64                                           |
 * | 16     | 8     | expiry, CLOCK_MONOTONIC milliseconds as float64                            |
 * | 24     | 4     | process id of the guard                                                    |
 * | 28     | 4     | 1: the box is halted; 0: it is not, and a revoked permit is that of a guard that starts or ends |
 * | 32     | 16    | boot id: CLOCK_MONOTONIC starts again at boot, so a permit must not outlive it |
 * | 60     | 4     | CRC32C of bytes 0 to 59                                                    |
 */
export const PERMIT_BYTES = 64;

const MAGIC = 0x31504252;
const STATES = ['HALTED', 'ACTIVE', 'REDUCING', 'FLATTENING'] as const;

export interface PermitRecord {
  /** HALTED stands for revoked. */
  readonly state: TradingState;
  readonly epoch: number;
  readonly expiresMonotonicMs: number;
  readonly guardPid: number;
  /**
   * The box is halted, and stays so for a guard that starts over this file. Only the guard asks for it: for every other
   * reader a permit is ACTIVE, REDUCING or FLATTENING, or none.
   */
  readonly halted?: boolean;
}

/** Writes `record` into the 64 bytes of `out`. `bootId` is 16 bytes. */
export function encodePermit(record: PermitRecord, bootId: Uint8Array, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, PERMIT_BYTES);
  out.fill(0, 0, PERMIT_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, STATES.indexOf(record.state), true);
  view.setFloat64(8, record.epoch, true);
  view.setFloat64(16, record.expiresMonotonicMs, true);
  view.setUint32(24, record.guardPid, true);
  view.setUint32(28, record.halted ? 1 : 0, true);
  out.set(bootId.subarray(0, 16), 32);
  view.setUint32(60, crc32c(out, 0, 60), true);
}

/** The record in `bytes`, or undefined when it is not one: wrong length, magic, checksum, state, or another boot's. */
export function decodePermit(bytes: Uint8Array, bootId: Uint8Array): PermitRecord | undefined {
  if (bytes.length !== PERMIT_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, PERMIT_BYTES);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(60, true) !== crc32c(bytes, 0, 60))
    return undefined;
  for (let i = 0; i < 16; i++) if (bytes[32 + i] !== bootId[i]) return undefined;
  const state = STATES[view.getUint32(4, true)];
  const epoch = view.getFloat64(8, true);
  const expiresMonotonicMs = view.getFloat64(16, true);
  if (state === undefined || !Number.isSafeInteger(epoch) || !Number.isFinite(expiresMonotonicMs)) {
    return undefined;
  }
  const halted = view.getUint32(28, true) !== 0;
  return { state, epoch, expiresMonotonicMs, guardPid: view.getUint32(24, true), halted };
}
