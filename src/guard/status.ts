import type { ControlAnswer } from '../adapters/control-socket/control-client.js';
import { fault } from '../core/errors.js';
import type { TradingState } from '../core/trading-state.js';
import { isFlattening } from './flattening.js';
import { type GuardState, mayPermit, type ResumeDenial } from './halt-state.js';
import type { LedMode } from './led.js';
import type { TraderStatus } from './trader-session.js';

/** What the guard says of itself on `GET /status`. */
export interface GuardStatus {
  readonly state: TradingState;
  /** Armed means ACTIVE with a fresh permit. */
  readonly armed: boolean;
  readonly epoch: number;
  readonly contact: GuardState['contact'];
  readonly lineFault: string | null;
  readonly halt: {
    readonly cause: string;
    readonly detail: string;
    readonly atMs: number;
    /** In one lasting place at least. */
    readonly recorded: boolean;
    /** Why it could not be recorded so far; null where it is, or where that is not known yet. */
    readonly notRecorded: string | null;
    /** null: nobody has told yet. */
    readonly confirmed: boolean | null;
    readonly confirmation: string | null;
  } | null;
  /** Milliseconds left of the resume window; null when there is none. */
  readonly resumeLeftMs: number | null;
  readonly arming: boolean;
  readonly trader: TraderStatus;
  readonly led: LedMode;
  /** What does not work, in plain sentences. */
  readonly faults: readonly string[];
  readonly gpio: string;
  readonly pid: number;
}

/** The guard's state as it says it; `rest` is what is not part of it. */
export function statusOf(
  state: GuardState,
  nowMs: number,
  permitFault: string | null,
  rest: Pick<GuardStatus, 'trader' | 'led' | 'faults' | 'gpio' | 'pid'>,
): GuardStatus {
  const { halt, window } = state;
  return {
    state: isFlattening(state, nowMs) ? 'FLATTENING' : state.trading,
    armed: state.trading === 'ACTIVE' && mayPermit(state) && permitFault === null,
    epoch: state.epoch,
    contact: state.contact,
    lineFault: state.lineFault,
    halt: halt && {
      cause: halt.cause,
      detail: halt.detail,
      atMs: halt.atMs,
      recorded: halt.durable,
      notRecorded: halt.recordFault,
      confirmed: halt.outcome?.confirmed ?? null,
      confirmation: halt.outcome?.detail ?? null,
    },
    resumeLeftMs: window && Math.max(0, window.untilMonotonicMs - nowMs),
    arming: state.arming,
    ...rest,
  };
}

export type ResumeAnswer =
  | { readonly opened: true; readonly windowMs: number; readonly how: string }
  | { readonly opened: false; readonly reason: ResumeDenial | 'not_a_person'; readonly detail: string };

/** The reasons in words. */
const RESUME_DENIALS: Readonly<Record<ResumeDenial, string>> = {
  not_halted: 'the box is not halted',
  arming: 'the box is being armed already',
  contact_open: 'the button is still pressed or its wire is cut (contact open): release it first',
  contact_unknown: 'the button has not been read for long enough yet: try again in a moment',
  line_fault: 'the button cannot be read, so it could not halt the box again: fix it first',
};

/** Why resume is refused, as a sentence. */
export function describeDenial(reason: ResumeDenial, lineFault: string | null): string {
  const more = reason === 'line_fault' && lineFault !== null ? ` (${lineFault})` : '';
  return RESUME_DENIALS[reason] + more;
}

/** The LED's mode for what is true now. Halted shows before all else, and of it that the box can be armed. */
export function ledModeOf(
  state: GuardState,
  permitted: boolean,
  trader: TraderStatus,
  permitFault: string | null,
): LedMode {
  if (state.trading === 'HALTED') {
    if (state.window !== null) return 'resume_open';
    return state.halt?.durable && state.halt.outcome?.confirmed ? 'halted_confirmed' : 'halted_unconfirmed';
  }
  if (permitFault !== null || (trader.everSeen && !trader.present)) return 'fault';
  return state.trading === 'ACTIVE' && permitted ? 'armed' : 'starting';
}

/** The guard's status out of an answer; `E_GUARD_ANSWER` where it is none. */
export function statusFrom(answer: ControlAnswer): GuardStatus {
  const body = answer.body as Partial<GuardStatus> | null;
  if (answer.status === 200 && typeof body === 'object' && body !== null && typeof body.state === 'string') {
    return body as GuardStatus;
  }
  const detail = (body as { detail?: unknown } | null)?.detail;
  throw fault(
    'E_GUARD_ANSWER',
    `the guard answered ${answer.status}${typeof detail === 'string' ? `: ${detail}` : ''}`,
    'look at its log; guard and command may be of different versions',
  );
}
