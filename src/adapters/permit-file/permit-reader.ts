import { closeSync, openSync, readSync } from 'node:fs';
import { decodePermit, PERMIT_BYTES } from '../../core/permit-record.js';
import type { Permit, PermitReading } from '../../ports/guard.js';
import type { Clock } from '../../ports/time.js';
import { readBootId } from '../clock/boot-id.js';

/** A permit further ahead than this was not written by a sound guard, which writes at most a few seconds ahead. */
const AHEAD_MS_MAX = 10_000;
/** A read that meets the guard's write half-way fails its checksum; the next one finds it whole. */
const TRIES = 3;

/**
 * Reads the guard's permit, synchronously, at the moment of use.
 *
 * The file is opened again each time (about 10 µs) and never kept open: a descriptor kept from before a restart of the
 * guard could still show an unexpired permit in a file that has been replaced or removed since.
 */
export function createPermitReader(path: string, clock: Pick<Clock, 'monotonicMs'>): Permit {
  const bootId = readBootId();
  // One byte more than a record, so that a longer file shows itself.
  const buffer = new Uint8Array(PERMIT_BYTES + 1);

  const readOnce = (): PermitReading => {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return { ok: false, reason: absent ? 'absent' : 'unreadable' };
    }
    let length: number;
    try {
      length = readSync(fd, buffer, 0, buffer.length, 0);
    } catch {
      return { ok: false, reason: 'unreadable' };
    } finally {
      closeSync(fd);
    }
    const record = decodePermit(buffer.subarray(0, length), bootId);
    if (record === undefined) return { ok: false, reason: 'unreadable' };
    if (record.state === 'HALTED') return { ok: false, reason: 'revoked' };
    const leftMs = record.expiresMonotonicMs - clock.monotonicMs();
    if (leftMs <= 0) return { ok: false, reason: 'lapsed' };
    if (leftMs > AHEAD_MS_MAX) return { ok: false, reason: 'unreadable' };
    return {
      ok: true,
      state: record.state,
      epoch: record.epoch,
      expiresMonotonicMs: record.expiresMonotonicMs,
    };
  };

  return {
    read() {
      let reading = readOnce();
      for (let i = 1; i < TRIES && !reading.ok && reading.reason === 'unreadable'; i++) reading = readOnce();
      return reading;
    },
  };
}
