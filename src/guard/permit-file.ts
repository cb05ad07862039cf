import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { readBootId } from '../adapters/clock/boot-id.js';
import { fault, messageOf } from '../core/errors.js';
import { decodePermit, encodePermit, PERMIT_BYTES } from '../core/permit-record.js';
import type { TradingState } from '../core/trading-state.js';

/** The guard's end of the permit. Every method is synchronous and done when it returns. */
export interface PermitWriter {
  /** The epoch left by the guard before this one; 0 where there is none. */
  readonly epochFound: number;
  renew(state: Exclude<TradingState, 'HALTED'>, epoch: number, expiresMonotonicMs: number): void;
  /** Takes the permit back. Removes the file where it cannot be overwritten. */
  revoke(epoch: number): void;
  close(): void;
}

/**
 * Opens (or makes) the permit file and revokes whatever a guard before this one left in it.
 *
 * The record is overwritten in place by a single pwrite of 64 bytes rather than replaced by rename: the page is
 * allocated once, so that a revocation needs no space, no inode and no right to the directory, and cannot fail because
 * a tmpfs is full. A reader that meets the write half-way fails its checksum and reads again.
 * Fails with `E_PERMIT_FILE`.
 */
export function openPermitFile(path: string): PermitWriter {
  const bootId = readBootId();
  const bytes = new Uint8Array(PERMIT_BYTES);
  const open = () => {
    try {
      const created = openSync(path, 'a+', 0o644);
      closeSync(created);
      return openSync(path, 'r+');
    } catch (error) {
      throw fault(
        'E_PERMIT_FILE',
        `cannot open the permit file ${path}: ${messageOf(error)}`,
        'see that the run directory exists and belongs to the guard',
        error,
      );
    }
  };
  let fd = open();
  let ours = fstatSync(fd);

  const found = new Uint8Array(PERMIT_BYTES);
  const length = readSync(fd, found, 0, PERMIT_BYTES, 0);
  const before = decodePermit(found.subarray(0, length), bootId);

  const write = (state: TradingState, epoch: number, expiresMonotonicMs: number) => {
    encodePermit({ state, epoch, expiresMonotonicMs, guardPid: process.pid }, bootId, bytes);
    const written = writeSync(fd, bytes, 0, PERMIT_BYTES, 0);
    if (written !== PERMIT_BYTES) throw new Error(`only ${written} of ${PERMIT_BYTES} bytes were written`);
  };
  /** A file removed or replaced under us would leave our writes unseen. */
  const reopenWhenReplaced = () => {
    const seen = statSync(path, { throwIfNoEntry: false });
    if (seen !== undefined && seen.ino === ours.ino && seen.dev === ours.dev) return;
    closeSync(fd);
    fd = open();
    ours = fstatSync(fd);
  };

  ftruncateSync(fd, PERMIT_BYTES);
  write('HALTED', before?.epoch ?? 0, 0);

  return {
    epochFound: before?.epoch ?? 0,
    renew(state, epoch, expiresMonotonicMs) {
      reopenWhenReplaced();
      write(state, epoch, expiresMonotonicMs);
    },
    revoke(epoch) {
      try {
        write('HALTED', epoch, 0);
        reopenWhenReplaced();
        write('HALTED', epoch, 0);
      } catch (error) {
        try {
          unlinkSync(path);
        } catch {
          // Nothing is left but to stop renewing: the permit lapses by itself within its life.
          throw fault(
            'E_PERMIT_REVOKE',
            `cannot revoke the permit in ${path}: ${messageOf(error)}`,
            'none needed at once: it is not renewed and lapses by itself; then look at the run directory',
            error,
          );
        }
      }
    },
    close() {
      closeSync(fd);
    },
  };
}
