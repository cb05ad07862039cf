import type { GuardState, HaltCause, NoticeKind, Now, Step } from './halt-state.js';

/**
 * How long a halt may go on closing positions: through a crash, a thin book and full limits; what is not closed by then is
 * left to a person.
 */
export const FLATTEN_MS_MAX = 600_000;
/** A command that comes twice within this time is one: a phone's message may be delivered twice. */
const REPEAT_MS_MAX = 2_000;

/** Whether closing orders of the halt may leave now. */
export function isFlattening({ halt, arming }: GuardState, monotonicMs: number): boolean {
  return halt !== null && !arming && halt.flattenUntilMs !== null && monotonicMs < halt.flattenUntilMs;
}

/** Ends the flattening: no closing order leaves any more. Nothing to do where there is none. */
export function endFlattening(state: GuardState): Step {
  const { halt } = state;
  if (halt === null || halt.flattenUntilMs === null) return { state, effects: [] };
  return { state: { ...state, halt: { ...halt, flattenUntilMs: null } }, effects: [{ do: 'revoke' }] };
}

/** A second press, a cut wire or a command while positions are closed: whoever does that wants nothing more to leave. */
export function endsFlattening(state: GuardState, cause: HaltCause, now: Now): boolean {
  const { halt } = state;
  if (halt?.flattenUntilMs == null || !isFlattening(state, now.monotonicMs) || cause === 'trader')
    return false;
  const forMs = now.monotonicMs - (halt.flattenUntilMs - FLATTEN_MS_MAX);
  return cause !== 'command' || forMs >= REPEAT_MS_MAX;
}

/** Ends the flattening before it is done: positions stay as they are, and what is open is cancelled. */
export function stopFlattening(state: GuardState, kind: NoticeKind, detail: string): Step {
  const ended = endFlattening(state);
  const halt = ended.state.halt && { ...ended.state.halt, flatten: false, mayHold: false };
  return {
    state: { ...ended.state, halt },
    effects: [...ended.effects, { do: 'cancel' }, { do: 'notice', kind, detail }],
  };
}
