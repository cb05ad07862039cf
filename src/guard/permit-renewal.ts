import { messageOf } from '../core/errors.js';
import type { TradingState } from '../core/trading-state.js';
import type { Clock } from '../ports/time.js';
import type { GuardSettings } from './guard-settings.js';
import type { PermitFile } from './permit-file.js';

/** Renews the permit and takes it back. A fault of its file is told once and shown, and the permit lapses by itself. */
export class PermitRenewal {
  readonly #settings: Pick<GuardSettings, 'permitPeriodMs' | 'permitLifeMs'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #onFault: (detail: string) => void;
  #file: PermitFile | null = null;
  #fault: string | null = null;
  #renewedMs = Number.NEGATIVE_INFINITY;

  constructor(
    settings: Pick<GuardSettings, 'permitPeriodMs' | 'permitLifeMs'>,
    clock: Pick<Clock, 'monotonicMs'>,
    onFault: (detail: string) => void,
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Why the last operation failed; null where it did not. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Nothing is done to the permit before this. */
  begin(file: PermitFile): void {
    this.#file = file;
  }

  /** A permit lives from the last look at the button, and not from now: after a stall nothing is given on what was seen before. */
  renew(state: Exclude<TradingState, 'HALTED'>, epoch: number, lookedMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#renewedMs = nowMs;
    const expiresMs = lookedMs + this.#settings.permitLifeMs;
    if (expiresMs <= nowMs) return;
    this.#attempt(() => this.#file?.renew(state, epoch, expiresMs));
  }

  /** How long it may wait until the next renewal; below zero where that is overdue. */
  leftMs(nowMs: number): number {
    return this.#renewedMs + this.#settings.permitPeriodMs - nowMs;
  }

  revoke(epoch: number, halted: boolean): void {
    this.#attempt(() => this.#file?.revoke(epoch, halted));
  }

  /** For the guard's end: fails where the permit cannot be taken back. */
  revokeOrFail(epoch: number, halted: boolean): void {
    this.#file?.revoke(epoch, halted);
  }

  keep(): void {
    this.#attempt(() => this.#file?.keep());
  }

  close(): void {
    const opened = this.#file;
    this.#file = null;
    opened?.close();
  }

  #attempt(operation: () => void): void {
    try {
      operation();
      this.#fault = null;
    } catch (error) {
      const first = this.#fault === null;
      this.#fault = messageOf(error);
      if (first) this.#onFault(this.#fault);
    }
  }
}
