import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { readBootId } from '../adapters/clock/boot-id.js';
import { fault, messageOf } from '../core/errors.js';
import { decodePermit, encodePermit, PERMIT_BYTES } from '../core/permit-record.js';
import type { TradingState } from '../core/trading-state.js';

/** What the guard before this one left in the permit file, in this boot. */
export type PermitFound =
  /** No file, an empty one, or another boot's. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable' }
  /** `running`: the box was not halted; its permit is taken back by now. */
  | { readonly kind: 'running' | 'halted'; readonly epoch: number };

interface Held {
  readonly fd: number;
  readonly ino: number;
  readonly dev: number;
}

/**
 * The guard's end of the permit. Every method is synchronous and done when it returns.
 *
 * The record is overwritten in place by a single pwrite of 64 bytes rather than replaced by rename: the page is
 * allocated once, so that a revocation needs no space, no inode and no right to the directory, and cannot fail because
 * a tmpfs is full. A reader that meets the write half-way fails its checksum and reads again.
 *
 * A file or folder that is gone or replaced is made again at the next call. Fails with `E_PERMIT_FILE`.
 */
export class PermitFile {
  readonly found: PermitFound;
  readonly #path: string;
  readonly #bootId = readBootId();
  readonly #bytes = new Uint8Array(PERMIT_BYTES);
  /** null where none is open. */
  #held: Held | null;
  #closed = false;

  /** Opens (or makes) the file and revokes whatever a guard before this one left in it, but for its being halted. */
  constructor(path: string) {
    this.#path = path;
    const held = openFile(path);
    this.#held = held;
    const found = foundIn(held.fd, this.#bootId);
    this.found = found;
    // What cannot be read stays as it is, being no permit to anybody.
    if (found.kind === 'unreadable') return;
    ftruncateSync(held.fd, PERMIT_BYTES);
    // Not decided yet what the box is: what a crash from here on leaves must say no less than what was found.
    this.#encode('HALTED', 'epoch' in found ? found.epoch : 0, 0, found.kind === 'halted');
    this.#write(held);
  }

  renew(state: Exclude<TradingState, 'HALTED'>, epoch: number, expiresMonotonicMs: number): void {
    this.#encode(state, epoch, expiresMonotonicMs, state === 'FLATTENING');
    this.#write(this.#hold());
  }

  /**
   * Takes the permit back. With `halted` the file says for the rest of this boot that the box is halted, whatever becomes
   * of the disk and of this guard. Removes the file where it cannot be overwritten.
   */
  revoke(epoch: number, halted: boolean): void {
    this.#encode('HALTED', epoch, 0, halted);
    try {
      const before = this.#held;
      // First into the file that is open, which a reader may still see, and which needs nothing else to be well.
      if (before !== null) this.#write(before);
      const now = this.#hold();
      if (now !== before) this.#write(now);
      ftruncateSync(now.fd, PERMIT_BYTES);
    } catch (error) {
      this.#remove(error);
    }
  }

  /** Sees that the file is there and says what was written last; for when nothing is renewed. */
  keep(): void {
    const before = this.#held;
    const now = this.#hold();
    if (now !== before) this.#write(now);
  }

  close(): void {
    this.#closed = true;
    this.#closeHeld();
  }

  /** The file that stands at the path now. */
  #hold(): Held {
    if (this.#closed) throw new Error('the guard has stopped');
    const seen = lookAt(this.#path);
    const before = this.#held;
    if (before !== null && seen?.ino === before.ino && seen.dev === before.dev) return before;
    this.#closeHeld();
    const held = openFile(this.#path);
    this.#held = held;
    // What stood there may be longer.
    ftruncateSync(held.fd, PERMIT_BYTES);
    return held;
  }

  /** The number of a closed descriptor may be anybody's by now, and is never kept. */
  #closeHeld(): void {
    const { fd } = this.#held ?? { fd: null };
    this.#held = null;
    if (fd !== null) closeSync(fd);
  }

  #encode(state: TradingState, epoch: number, expiresMonotonicMs: number, halted: boolean): void {
    const permit = { state, epoch, expiresMonotonicMs, guardPid: process.pid, halted };
    encodePermit(permit, this.#bootId, this.#bytes);
  }

  #write({ fd }: Held): void {
    const written = writeSync(fd, this.#bytes, 0, PERMIT_BYTES, 0);
    if (written !== PERMIT_BYTES) throw new Error(`only ${written} of ${PERMIT_BYTES} bytes were written`);
  }

  /** A file that cannot be overwritten goes. */
  #remove(cause: unknown): void {
    try {
      unlinkSync(this.#path);
    } catch {
      // Nothing is left but to stop renewing: the permit lapses by itself within its life.
      throw fault(
        'E_PERMIT_REVOKE',
        `cannot revoke the permit in ${this.#path}: ${messageOf(cause)}`,
        'nothing is urgent: the permit is not renewed and lapses by itself; then check the run directory',
        cause,
      );
    }
  }
}

function lookAt(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // What is in the way shows when it is opened.
    return undefined;
  }
}

function openFile(path: string): Held {
  let fd: number | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    if (lookAt(path)?.isDirectory()) renameSync(path, `${path}.aside-${process.hrtime.bigint()}`);
    closeSync(openSync(path, 'a+', 0o644));
    fd = openSync(path, 'r+');
    const { ino, dev } = fstatSync(fd);
    return { fd, ino, dev };
  } catch (error) {
    if (fd !== null) closeSync(fd);
    throw fault(
      'E_PERMIT_FILE',
      `cannot open the permit file ${path}: ${messageOf(error)}`,
      'see that the run directory exists and belongs to the guard',
      error,
    );
  }
}

function foundIn(fd: number, bootId: Uint8Array): PermitFound {
  const bytes = new Uint8Array(PERMIT_BYTES + 1);
  const length = readSync(fd, bytes, 0, bytes.length, 0);
  if (length === 0) return { kind: 'none' };
  const left = bytes.subarray(0, length);
  const record = decodePermit(left, bootId);
  if (record !== undefined) return { kind: record.halted ? 'halted' : 'running', epoch: record.epoch };
  return decodePermit(left, left.slice(32, 48)) === undefined ? { kind: 'unreadable' } : { kind: 'none' };
}
