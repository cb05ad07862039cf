import { messageOf } from '../core/errors.js';
import type { ChallengeResult } from '../core/manifest.js';
import type { Clock } from '../ports/time.js';

export type RetrainTrigger = 'health' | 'schedule' | 'hand';

/** How an attempt ended. */
export type RetrainOutcome =
  | {
      readonly kind: 'promoted' | 'won' | 'refused';
      /** Name of the challenger's folder. */
      readonly model: string;
      readonly challenge: ChallengeResult;
    }
  /** Nothing could be compared: the champion stays. */
  | { readonly kind: 'kept'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string };

export interface RetrainingState {
  /** What the attempt under way was called by; null while none is. */
  readonly running: RetrainTrigger | null;
  /** Forests grown, of so many, while one is running. */
  readonly done: number;
  readonly total: number;
  readonly lastAttemptMs: number | null;
  readonly last: RetrainOutcome | null;
}

export interface RetrainingOptions {
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Health and schedule call at most so often; a person may always. */
  readonly intervalMsMin: number;
  /** A challenger is called so long after the last one whatever the health says; null = never. */
  readonly everyMs: number | null;
  /** Of an earlier run; null = none yet. */
  readonly lastAttemptMs: number | null;
  readonly attempt: (
    trigger: RetrainTrigger,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ) => Promise<RetrainOutcome>;
  readonly onOutcome?: (outcome: RetrainOutcome, trigger: RetrainTrigger) => Promise<void>;
}

/** Decides when a challenger is trained, one at a time. Bars never wait for it. */
export interface Retraining {
  /** Asked after each bar; `wanted` says that the model's health asks for retraining. Begins an attempt where it is time. */
  consider(wanted: boolean): RetrainTrigger | null;
  /** A person asks; false where an attempt is under way. */
  ask(): boolean;
  state(): RetrainingState;
  /** Resolves when no attempt is under way. */
  idle(): Promise<void>;
  /** Ends an attempt that is under way. */
  stop(): Promise<void>;
}

export function createRetraining(options: RetrainingOptions): Retraining {
  const { clock } = options;
  const bornMs = clock.wallMs();
  const ending = new AbortController();
  let lastAttemptMs = options.lastAttemptMs;
  let running: RetrainTrigger | null = null;
  let done = 0;
  let total = 0;
  let last: RetrainOutcome | null = null;
  let work: Promise<void> = Promise.resolve();

  function begin(trigger: RetrainTrigger): void {
    running = trigger;
    lastAttemptMs = clock.wallMs();
    done = 0;
    total = 0;
    work = carryOut(trigger).finally(() => {
      running = null;
    });
  }

  async function carryOut(trigger: RetrainTrigger): Promise<void> {
    try {
      last = await options.attempt(
        trigger,
        (forests, of) => {
          done = forests;
          total = of;
        },
        ending.signal,
      );
    } catch (error) {
      last = { kind: 'failed', detail: messageOf(error) };
    }
    if (!ending.signal.aborted) await options.onOutcome?.(last, trigger);
  }

  function triggerNow(wanted: boolean): RetrainTrigger | null {
    const nowMs = clock.wallMs();
    if (lastAttemptMs !== null && nowMs - lastAttemptMs < options.intervalMsMin) return null;
    if (wanted) return 'health';
    const due = options.everyMs !== null && nowMs - (lastAttemptMs ?? bornMs) >= options.everyMs;
    return due ? 'schedule' : null;
  }

  return {
    consider(wanted) {
      if (running !== null || ending.signal.aborted) return null;
      const trigger = triggerNow(wanted);
      if (trigger !== null) begin(trigger);
      return trigger;
    },
    ask() {
      if (running !== null || ending.signal.aborted) return false;
      begin('hand');
      return true;
    },
    state: () => ({ running, done, total, lastAttemptMs, last }),
    idle: () => work,
    async stop() {
      ending.abort(new Error('stopping'));
      await work;
    },
  };
}
