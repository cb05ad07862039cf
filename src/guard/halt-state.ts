import type { CancelOutcome } from '../core/guard-link.js';
import { endFlattening, endsFlattening, FLATTEN_MS_MAX, isFlattening, stopFlattening } from './flattening.js';
import { haltNotRecorded, haltRecorded } from './halt-record.js';
import { openWindow, type ResumeWindow, turnWindow } from './resume-window.js';

/**
 * The guard's decisions as a pure function: state and event in, state and effects out. Effects are carried out in their
 * order, which is the order of docs/design.md, "Halting": revoke, tell the trader to cancel, record beside that.
 */
export type HaltCause =
  /** The contact opened, or was found open. */
  | 'button'
  /** The line cannot be read, is lost, busy or unknown, or its edge source is gone. */
  | 'button_line'
  | 'command'
  /** The trader asked for it (circuit breaker). */
  | 'trader'
  /** Nothing has armed this box yet, or what armed it is gone. */
  | 'record_missing'
  | 'record_unreadable'
  /** Halted before this guard started. */
  | 'recorded';

export interface Halt {
  readonly cause: HaltCause;
  readonly detail: string;
  /** Wall time. */
  readonly atMs: number;
  readonly epoch: number;
  /** Survives a power cut. */
  readonly durable: boolean;
  /** Why it could not be recorded so far; null while that is not known. */
  readonly recordFault: string | null;
  /** null while nobody has told yet. */
  readonly outcome: CancelOutcome | null;
  readonly flatten: boolean;
  /** Monotonic time until which closing orders may leave (`FLATTENING`); null when none may. */
  readonly flattenUntilMs: number | null;
  /** Made by a press that has not been released since: holding it on may flatten. */
  readonly mayHold: boolean;
}

export interface GuardState {
  readonly trading: 'ACTIVE' | 'REDUCING' | 'HALTED';
  /** Grows with every change of what the permit says. */
  readonly epoch: number;
  /** Present exactly while HALTED. */
  readonly halt: Halt | null;
  /** The act of arming is done and its record is being written; still HALTED. */
  readonly arming: boolean;
  readonly window: ResumeWindow | null;
  readonly contact: 'unknown' | 'pressed' | 'released';
  /** Why the button's line cannot be relied on; null when it can. */
  readonly lineFault: string | null;
  /** Why a halt could not be recorded, should one come; null while it could. Entries do not leave meanwhile. */
  readonly atRisk: string | null;
}

export type GuardEvent =
  | { readonly type: 'pressed' | 'held' | 'released' | 'reset_held' }
  | { readonly type: 'line_lost'; readonly detail: string }
  | { readonly type: 'line_restored' }
  | {
      readonly type: 'halt';
      readonly cause: 'command' | 'trader';
      readonly detail: string;
      /** It may be what has asked before: it halts, but ends no flattening. */
      readonly again?: boolean;
    }
  /** `by`: who asked for the window. */
  | { readonly type: 'resume'; readonly by: string }
  | { readonly type: 'tick' }
  | { readonly type: 'halt_recorded' | 'arm_recorded'; readonly epoch: number }
  | {
      readonly type: 'halt_record_failed' | 'arm_record_failed';
      readonly epoch: number;
      readonly detail: string;
    }
  /** What trying whether a halt could be recorded gave; null: it could. */
  | { readonly type: 'probed'; readonly fault: string | null }
  | { readonly type: 'trader_arrived' | 'trader_lost' }
  | { readonly type: 'reconciled'; readonly epoch: number }
  | { readonly type: 'cancel_outcome'; readonly epoch: number; readonly outcome: CancelOutcome };

type AnswerEvent = Extract<GuardEvent, { readonly epoch: number }>;

export type NoticeKind =
  | 'halted'
  | 'halt_recorded'
  | 'halt_not_recorded'
  | 'record_at_risk'
  | 'record_safe'
  | 'halt_confirmed'
  | 'halt_not_confirmed'
  | 'resume_opened'
  | 'resume_expired'
  /** A halt ended the window. */
  | 'resume_closed'
  /** The first press of the act of arming counts, or counts no longer. */
  | 'first_press'
  | 'first_press_void'
  | 'rearmed'
  | 'arming_failed'
  | 'active'
  | 'flatten_ended'
  | 'trader_lost';

export type Effect =
  | { readonly do: 'revoke' | 'cancel' | 'record_halted' | 'record_armed' | 'reconcile' }
  /** The permit says something new: write it now rather than at the next period. */
  | { readonly do: 'renew' }
  | { readonly do: 'notice'; readonly kind: NoticeKind; readonly detail: string };

export type ResumeDenial = 'not_halted' | 'contact_open' | 'line_fault' | 'contact_unknown' | 'arming';

/** Where the event happened in time: wall for the record, monotonic for windows. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export interface HaltRules {
  readonly resumeWindowMs: number;
  /** `onHalt = "flatten"`. */
  readonly flatten: boolean;
}

export interface Step {
  readonly state: GuardState;
  readonly effects: readonly Effect[];
  /** Only for `resume`: why it was refused. */
  readonly refused?: ResumeDenial;
}

const notice = (kind: NoticeKind, detail: string): Effect => ({ do: 'notice', kind, detail });

const same = (state: GuardState): Step => ({ state, effects: [] });

/** Whether a permit may be written now: not halted, and the contact known to be released on a line that works. */
export function mayPermit(state: GuardState): boolean {
  return state.trading !== 'HALTED' && state.contact === 'released' && state.lineFault === null;
}

function halted(
  state: GuardState,
  cause: HaltCause,
  detail: string,
  now: Now,
  rules: HaltRules,
  again = false,
): Step {
  if (state.trading === 'HALTED' && !state.arming) {
    // Halted already: the first cause stands, the permit is revoked, the record written or on its way.
    const closed = state.window === null ? [] : [notice('resume_closed', detail)];
    const ends = !again && endsFlattening(state, cause, now);
    const ended = ends ? stopFlattening(state, 'flatten_ended', detail) : null;
    const kept = ended?.state ?? state;
    return { state: { ...kept, window: null }, effects: [...(ended?.effects ?? []), ...closed] };
  }
  // A press must be held before it flattens; a command is no accident of a wire.
  const flattenUntilMs = rules.flatten && cause === 'command' ? now.monotonicMs + FLATTEN_MS_MAX : null;
  return freshHalt(state, cause, detail, now, flattenUntilMs, cause === 'button');
}

function freshHalt(
  state: GuardState,
  cause: HaltCause,
  detail: string,
  now: Now,
  flattenUntilMs: number | null,
  mayHold: boolean,
): Step {
  const epoch = state.epoch + 1;
  const flatten = flattenUntilMs !== null;
  const made = { cause, detail, atMs: now.wallMs, epoch, flatten, flattenUntilMs, mayHold };
  const halt: Halt = { ...made, durable: false, recordFault: null, outcome: null };
  return {
    state: { ...state, trading: 'HALTED', epoch, halt, arming: false, window: null },
    effects: [
      { do: 'revoke' },
      ...(flatten ? ([{ do: 'renew' }] as const) : []),
      { do: 'cancel' },
      { do: 'record_halted' },
      notice('halted', detail),
    ],
  };
}

function pressed(state: GuardState, now: Now, rules: HaltRules): Step {
  const detail = state.contact === 'unknown' ? 'the contact was found open' : 'the button was pressed';
  const open: GuardState = { ...state, contact: 'pressed' };
  // In an open window the box is halted, and stays so: a press counts there, or ends the window.
  if (state.window === null) return halted(open, 'button', detail, now, rules);
  return inWindow(state, state.window, 'pressed', open, now);
}

/** What an event makes of an open window; `after` is the state with the contact as it is since. */
function inWindow(
  before: GuardState,
  window: ResumeWindow,
  event: 'pressed' | 'released' | 'tick',
  after: GuardState,
  now: Now,
): Step {
  const turn = turnWindow(window, event, before.contact, now.monotonicMs);
  if (turn.to === 'expired') return expire(after);
  if (turn.to === 'arm') return arm(after);
  if (turn.to === 'halt') return haltAgain(after, now);
  const { change } = turn;
  const effects = change === null ? [] : [notice(change, WINDOW_CHANGES[change])];
  return { state: { ...after, window: turn.window }, effects };
}

const WINDOW_CHANGES = {
  first_press: 'the first press counts: press and release once more, in 2 to 10 s, to arm the box',
  first_press_void: 'no second press within 10 s: the first counts no longer',
} as const;

/** A press in the window that is none of the act of arming: a halt of its own, which ends the window. */
function haltAgain(state: GuardState, now: Now): Step {
  const detail = 'the button was pressed again too soon to arm the box';
  const fresh = freshHalt(state, 'button', detail, now, null, false);
  return { ...fresh, effects: [...fresh.effects, notice('resume_closed', detail)] };
}

function arm(state: GuardState): Step {
  const { state: still } = endFlattening(state);
  return {
    state: { ...still, epoch: state.epoch + 1, arming: true, window: null },
    effects: [{ do: 'record_armed' }],
  };
}

function released(state: GuardState, now: Now): Step {
  const halt = state.halt === null ? null : { ...state.halt, mayHold: false };
  const closed: GuardState = { ...state, contact: 'released', halt };
  const { window } = state;
  if (window === null || state.trading !== 'HALTED' || state.lineFault !== null) {
    return { state: closed, effects: mayPermit(closed) ? [{ do: 'renew' }] : [] };
  }
  return inWindow(state, window, 'released', closed, now);
}

function expire(state: GuardState): Step {
  return {
    state: { ...state, window: null },
    effects: [notice('resume_expired', 'the box was not armed in time; it stays halted')],
  };
}

function resume(state: GuardState, by: string, now: Now, rules: HaltRules): Step {
  const refuse = (refused: ResumeDenial): Step => ({ state, effects: [], refused });
  if (state.trading !== 'HALTED') return refuse('not_halted');
  if (state.arming) return refuse('arming');
  if (state.lineFault !== null) return refuse('line_fault');
  if (state.contact === 'pressed') return refuse('contact_open');
  if (state.contact === 'unknown') return refuse('contact_unknown');
  const window = openWindow(now.monotonicMs + rules.resumeWindowMs);
  const until = new Date(now.wallMs + rules.resumeWindowMs).toISOString().slice(11, 19);
  return {
    state: { ...state, window },
    effects: [notice('resume_opened', `until ${until} UTC, asked for by ${by}`)],
  };
}

function hold(state: GuardState, now: Now, rules: HaltRules): Step {
  const { halt } = state;
  if (halt === null || !halt.mayHold || halt.flatten || !rules.flatten) return { state, effects: [] };
  const flattenUntilMs = now.monotonicMs + FLATTEN_MS_MAX;
  return {
    state: { ...state, halt: { ...halt, flatten: true, flattenUntilMs } },
    effects: [{ do: 'renew' }, { do: 'cancel' }],
  };
}

function cancelOutcome(state: GuardState, outcome: CancelOutcome): Step {
  const { halt } = state;
  // What was confirmed is taken back by an order that is seen to be open, and not by an exchange that does not answer.
  const takesBack = !outcome.confirmed && (outcome.openOrders ?? 0) > 0;
  if (halt === null || (halt.outcome?.confirmed && !takesBack)) return { state, effects: [] };
  const kind = outcome.confirmed ? 'halt_confirmed' : 'halt_not_confirmed';
  const isNew = halt.outcome === null || halt.outcome.confirmed !== outcome.confirmed;
  // Whoever hears "confirmed" pulls the plug: it is not said of a halt that a power cut would undo.
  const tells = isNew && (halt.durable || !outcome.confirmed);
  // Once all is confirmed nothing is left to be closed either.
  const ended = outcome.confirmed ? endFlattening(state) : { state, effects: [] };
  return {
    state: { ...state, halt: { ...halt, ...(outcome.confirmed && { flattenUntilMs: null }), outcome } },
    effects: [...ended.effects, ...(tells ? [notice(kind, outcome.detail)] : [])],
  };
}

/** Down to REDUCING under a new epoch, so that nothing passed under the old one leaves any more. */
function reduce(state: GuardState): GuardState {
  return { ...state, trading: 'REDUCING', epoch: state.epoch + 1 };
}

function probed(state: GuardState, fault: string | null): Step {
  if ((fault === null) === (state.atRisk === null))
    return { state: { ...state, atRisk: fault }, effects: [] };
  const next: GuardState = { ...(state.trading === 'HALTED' ? state : reduce(state)), atRisk: fault };
  const told = fault === null ? notice('record_safe', '') : notice('record_at_risk', fault);
  if (next.trading === 'HALTED') return { state: next, effects: [told] };
  const again: readonly Effect[] = fault === null ? [{ do: 'reconcile' }] : [];
  return { state: next, effects: [{ do: 'renew' }, ...again, told] };
}

function resetHeld(state: GuardState, now: Now): Step {
  const { window } = state;
  if (window === null || state.contact !== 'released' || state.lineFault !== null) return same(state);
  return now.monotonicMs >= window.untilMonotonicMs ? expire(state) : arm(state);
}

function lineLost(state: GuardState, detail: string, now: Now, rules: HaltRules): Step {
  const lost: GuardState = { ...state, contact: 'unknown', lineFault: detail };
  return halted(lost, 'button_line', detail, now, rules);
}

function ticked(state: GuardState, now: Now): Step {
  if (state.halt?.flattenUntilMs != null && !isFlattening(state, now.monotonicMs))
    return endFlattening(state);
  return state.window === null ? same(state) : inWindow(state, state.window, 'tick', state, now);
}

function armRecorded(state: GuardState): Step {
  return {
    state: { ...state, trading: 'REDUCING', halt: null, arming: false },
    effects: [{ do: 'renew' }, { do: 'reconcile' }, notice('rearmed', 'the box was armed at the button')],
  };
}

/** The failed write may have reached the disk, or reach it yet: the halt is recorded again over it, under a later epoch. */
function armNotRecorded(state: GuardState, detail: string): Step {
  const halt = state.halt && { ...state.halt, durable: false };
  return {
    state: { ...state, epoch: state.epoch + 1, arming: false, halt },
    effects: [{ do: 'revoke' }, { do: 'record_halted' }, notice('arming_failed', detail)],
  };
}

function traderArrived(state: GuardState): Step {
  if (state.trading !== 'HALTED')
    return { state: reduce(state), effects: [{ do: 'renew' }, { do: 'reconcile' }] };
  return state.halt?.outcome?.confirmed ? same(state) : { state, effects: [{ do: 'cancel' }] };
}

function traderLost(state: GuardState): Step {
  // Nobody flattens when the trader is dead: positions stay, with their protective stops.
  if (state.halt?.flattenUntilMs != null)
    return stopFlattening(state, 'trader_lost', 'the trader is gone; positions are left as they are');
  return {
    state: state.trading === 'HALTED' ? state : reduce(state),
    effects: [{ do: 'renew' }, notice('trader_lost', 'the trader is gone or does not answer')],
  };
}

function reconciled(state: GuardState): Step {
  if (state.trading !== 'REDUCING' || state.atRisk !== null) return same(state);
  return {
    state: { ...state, trading: 'ACTIVE' },
    effects: [{ do: 'renew' }, notice('active', 'reconciled: entries may leave')],
  };
}

/** What has become of a halt or an arming. One of an earlier epoch changes nothing. */
function answered(state: GuardState, event: AnswerEvent): Step {
  const ofHalt = state.halt?.epoch === event.epoch;
  const ofArming = state.arming && state.epoch === event.epoch;
  switch (event.type) {
    case 'halt_recorded':
      return ofHalt ? haltRecorded(state) : same(state);
    case 'halt_record_failed':
      return ofHalt ? haltNotRecorded(state, event.detail) : same(state);
    case 'cancel_outcome':
      return ofHalt ? cancelOutcome(state, event.outcome) : same(state);
    case 'arm_recorded':
      return ofArming ? armRecorded(state) : same(state);
    case 'arm_record_failed':
      return ofArming ? armNotRecorded(state, event.detail) : same(state);
    case 'reconciled':
      return event.epoch === state.epoch ? reconciled(state) : same(state);
  }
}

/** One event. */
export function step(state: GuardState, event: GuardEvent, now: Now, rules: HaltRules): Step {
  switch (event.type) {
    case 'pressed':
      return pressed(state, now, rules);
    case 'held':
      return hold(state, now, rules);
    case 'released':
      return released(state, now);
    case 'reset_held':
      return resetHeld(state, now);
    case 'line_lost':
      return lineLost(state, event.detail, now, rules);
    case 'line_restored':
      return { state: { ...state, contact: 'unknown', lineFault: null }, effects: [] };
    case 'halt':
      return halted(state, event.cause, event.detail, now, rules, event.again);
    case 'resume':
      return resume(state, event.by, now, rules);
    case 'tick':
      return ticked(state, now);
    case 'probed':
      return probed(state, event.fault);
    case 'trader_arrived':
      return traderArrived(state);
    case 'trader_lost':
      return traderLost(state);
    default:
      return answered(state, event);
  }
}
