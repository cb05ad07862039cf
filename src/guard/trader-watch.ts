import type { Clock, Scheduler } from '../ports/time.js';
import type { GuardNotice } from './guard.js';

export interface TraderWatchDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly scheduler: Pick<Scheduler, 'every'>;
  /** Whether a trader is connected and answers. */
  present(): boolean;
  notify(kind: Extract<GuardNotice['kind'], 'trader_gone' | 'trader_back'>, detail: string): void;
}

/** Reports to the phone that there is no trader: one that died, hangs, or cannot start, and its return. */
export interface TraderWatch {
  start(): void;
  stop(): void;
  /** A trader's own last words, or the service manager's: why it ended. */
  ended(why: string): void;
}

/** A restart, an update, and a slow board's start are shorter. */
const GONE_MS_MAX = 30_000;
const LOOK_MS = 1_000;

export function createTraderWatch(deps: TraderWatchDeps): TraderWatch {
  let stop = () => {};
  let lastSeenMs = 0;
  let isReported = false;
  /** Ends since a trader was last there, and what the last of them said. */
  let ends = 0;
  let lastWhy: string | null = null;

  function look(): void {
    const nowMs = deps.clock.monotonicMs();
    const absentMs = nowMs - lastSeenMs;
    if (deps.present()) {
      if (isReported) deps.notify('trader_back', `back after ${Math.round(absentMs / 1000)} s`);
      isReported = false;
      lastSeenMs = nowMs;
      ends = 0;
      lastWhy = null;
    } else if (!isReported && absentMs >= GONE_MS_MAX) {
      isReported = true;
      deps.notify('trader_gone', `${Math.round(absentMs / 1000)} s${reason()}`);
    }
  }

  function reason(): string {
    if (lastWhy === null) return '';
    return `; it ended ${ends === 1 ? 'once' : `${ends} times`}: ${lastWhy}`;
  }

  return {
    start() {
      // A trader that never comes is one that cannot start.
      lastSeenMs = deps.clock.monotonicMs();
      stop = deps.scheduler.every(LOOK_MS, look);
    },
    stop: () => stop(),
    ended(why) {
      // The trader's own sentence says more than the service manager's of the same end.
      const isOwn = !why.startsWith(MANAGER_PREFIX);
      if (isOwn || lastWhy === null) lastWhy = why;
      if (!isOwn || ends === 0) ends += 1;
    },
  };
}

/** What a reason begins with that the service manager gave. */
export const MANAGER_PREFIX = 'systemd: ';
