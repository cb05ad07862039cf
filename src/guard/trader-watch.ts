import type { Clock, Scheduler } from '../ports/time.js';
import type { GuardNotice } from './guard.js';

export interface TraderWatchDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly scheduler: Pick<Scheduler, 'every'>;
  /** Whether a trader is connected and answers. */
  present(): boolean;
  notify(kind: Extract<GuardNotice['kind'], 'trader_gone' | 'trader_back'>, detail: string): void;
}

/** A restart, an update, and a slow board's start are shorter. */
const GONE_MS_MAX = 30_000;
const LOOK_MS = 1_000;

/** Reports to the phone that there is no trader: one that died, hangs, or cannot start, and its return. */
export class TraderWatch {
  readonly #deps: TraderWatchDeps;
  #endLooks = () => {};
  #lastSeenMs = 0;
  #isReported = false;
  /** Ends since a trader was last there, and what the last of them said. */
  #ends = 0;
  #lastWhy: string | null = null;

  constructor(deps: TraderWatchDeps) {
    this.#deps = deps;
  }

  start(): void {
    // A trader that never comes is one that cannot start.
    this.#lastSeenMs = this.#deps.clock.monotonicMs();
    this.#endLooks = this.#deps.scheduler.every(LOOK_MS, () => this.#look());
  }

  stop(): void {
    this.#endLooks();
  }

  /** A trader's own last words, or the service manager's: why it ended. */
  ended(why: string): void {
    // The trader's own sentence says more than the service manager's of the same end.
    const isOwn = !why.startsWith(MANAGER_PREFIX);
    if (isOwn || this.#lastWhy === null) this.#lastWhy = why;
    if (!isOwn || this.#ends === 0) this.#ends += 1;
  }

  #look(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const absentMs = nowMs - this.#lastSeenMs;
    if (this.#deps.present()) {
      if (this.#isReported) this.#deps.notify('trader_back', `back after ${Math.round(absentMs / 1000)} s`);
      this.#isReported = false;
      this.#lastSeenMs = nowMs;
      this.#ends = 0;
      this.#lastWhy = null;
    } else if (!this.#isReported && absentMs >= GONE_MS_MAX) {
      this.#isReported = true;
      this.#deps.notify('trader_gone', `${Math.round(absentMs / 1000)} s${this.#reason()}`);
    }
  }

  #reason(): string {
    if (this.#lastWhy === null) return '';
    return `; it ended ${this.#ends === 1 ? 'once' : `${this.#ends} times`}: ${this.#lastWhy}`;
  }
}

/** What a reason begins with that the service manager gave. */
export const MANAGER_PREFIX = 'systemd: ';
