import type { Effect, GuardState, NoticeKind, Step } from './halt-state.js';

const notice = (kind: NoticeKind, detail: string): Effect => ({ do: 'notice', kind, detail });

/** One of the places has the halt. Cancels that were confirmed before are told now. */
export function haltRecorded(state: GuardState): Step {
  const { halt } = state;
  if (halt === null || halt.durable) return { state, effects: [] };
  const { outcome } = halt;
  return {
    state: { ...state, halt: { ...halt, durable: true, recordFault: null } },
    effects: [
      notice('halt_recorded', 'the halt is recorded and survives a power cut'),
      ...(outcome?.confirmed ? [notice('halt_confirmed', outcome.detail)] : []),
    ],
  };
}

/** No place has it so far; told once a halt. */
export function haltNotRecorded(state: GuardState, detail: string): Step {
  const { halt } = state;
  if (halt === null || halt.durable) return { state, effects: [] };
  return {
    state: { ...state, halt: { ...halt, recordFault: detail } },
    effects: halt.recordFault === null ? [notice('halt_not_recorded', detail)] : [],
  };
}
