import type { ArmedReading } from './armed-record.js';
import { type GuardState, startState } from './halt-state.js';

/** The state to start in. An epoch never comes twice: the permit file outlives a guard, the record a power cut. */
export function startFrom(found: ArmedReading, epochFound: number, wallMs: number): GuardState {
  if (found.kind === 'record') {
    const { armed, epoch, cause, atMs } = found.record;
    const next = Math.max(epoch, epochFound) + 1;
    if (armed) return startState({ armed }, next);
    const detail = `halted before this start (${cause})`;
    return startState({ armed, cause: 'recorded', detail, atMs }, next);
  }
  const epoch = epochFound + 1;
  if (found.kind === 'missing') {
    const detail = 'nothing has armed this box yet, or its record is gone';
    return startState({ armed: false, cause: 'record_missing', detail, atMs: wallMs }, epoch);
  }
  const detail = `the record of the armed state cannot be trusted: ${found.detail}`;
  return startState({ armed: false, cause: 'record_unreadable', detail, atMs: wallMs }, epoch);
}
