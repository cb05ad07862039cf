import type { ArmedReading, ArmedRecord } from './armed-record.js';
import type { GuardState, Halt, HaltCause } from './halt-state.js';
import type { PermitFound } from './permit-file.js';

/** All that a guard finds of the time before it. */
export interface FoundAtStart {
  /** The record in the guard's state folder. */
  readonly first: ArmedReading;
  /** The record on a second file system; null where none is configured. */
  readonly second: ArmedReading | null;
  readonly permit: PermitFound;
}

/**
 * The state to start in. An epoch never comes twice: the permit file outlives a guard, the records a power cut.
 *
 * Armed is only a box whose first record says so, and which nothing contradicts: a halt at that epoch or later, in the other
 * record or in this boot's permit; a record or a permit that cannot be read, and may have held one. A second record that
 * did not take the arming knows nothing, and may be missing; one that took it must be there and know of it.
 */
export function startFrom({ first, second, permit }: FoundAtStart, wallMs: number): GuardState {
  const records = [first, second].flatMap((reading) => (reading?.kind === 'record' ? [reading.record] : []));
  const epochs = [...records.map(({ epoch }) => epoch), 'epoch' in permit ? permit.epoch : 0];
  const epoch = Math.max(...epochs) + 1;
  const halted = (cause: HaltCause, detail: string, atMs = wallMs, durable = false) =>
    startState({ armed: false, cause, detail, atMs, durable }, epoch);

  const newest = records.filter(({ armed }) => !armed).sort((a, b) => b.epoch - a.epoch)[0];
  const armed = first.kind === 'record' && first.record.armed ? first.record : null;
  if (newest !== undefined && (armed === null || newest.epoch >= armed.epoch)) {
    // A first record that cannot be read may be of a later arming, and come back. One that says armed without asking for the
    // second would be believed where that one cannot be read at the next start: then the halt would be forgotten.
    const durable = first.kind === 'record' && secondIsAsked(first.record);
    return halted('recorded', `halted before this start (${newest.cause})`, newest.atMs, durable);
  }
  if (permit.kind === 'halted' && permit.epoch >= (armed?.epoch ?? 0)) {
    return halted('recorded', 'halted before this start, which could not be recorded');
  }
  if (first.kind === 'missing') {
    return halted('record_missing', 'nothing has armed this box yet, or its record is gone');
  }
  const untrusted = (what: string) => halted('record_unreadable', what);
  if (first.kind === 'unreadable') {
    return untrusted(`the record of the armed state cannot be trusted: ${first.detail}`);
  }
  if (permit.kind === 'unreadable') return untrusted('the permit that the guard before left cannot be read');
  if (second?.kind === 'record' && second.record.armed && second.record.epoch > first.record.epoch) {
    return untrusted('the second record is of a later arming than the first');
  }
  if (first.record.inBoth && !(second?.kind === 'record' && second.record.epoch >= first.record.epoch)) {
    return untrusted(`the second record took the last arming, and now ${lackOf(second)}`);
  }
  return startState({ armed: true }, epoch);
}

/** Whether a halt that stands in the second record alone is found at every start: the first says halted, or asks for the second. */
export function secondIsAsked(first: Pick<ArmedRecord, 'armed' | 'inBoth'>): boolean {
  return !first.armed || first.inBoth === true;
}

/** Whether a halt is recorded in every place there is. */
export function haltedInAll({ first, second }: Pick<FoundAtStart, 'first' | 'second'>): boolean {
  return [first, second].every((found) => found === null || (found.kind === 'record' && !found.record.armed));
}

function lackOf(second: ArmedReading | null): string {
  if (second === null) return 'no second place is configured';
  if (second.kind === 'record') return 'does not know of it';
  return second.kind === 'missing' ? 'is missing' : `cannot be read: ${second.detail}`;
}

/** The state a guard starts in, from the armed record. Even when armed it is REDUCING, and without permit until the contact is seen released. */
export function startState(
  found:
    | { readonly armed: true }
    | {
        readonly armed: false;
        readonly cause: HaltCause;
        readonly detail: string;
        readonly atMs: number;
        /** A record says halted; else it is yet to be written. */
        readonly durable: boolean;
      },
  epoch: number,
): GuardState {
  const base = {
    epoch,
    arming: false,
    window: null,
    contact: 'unknown',
    lineFault: null,
    atRisk: null,
  } as const;
  if (found.armed) return { ...base, trading: 'REDUCING', halt: null };
  const { cause, detail, atMs, durable } = found;
  const halt: Halt = {
    cause,
    detail,
    atMs,
    epoch,
    durable,
    recordFault: null,
    outcome: null,
    flatten: false,
    flattenUntilMs: null,
    mayHold: false,
  };
  return { ...base, trading: 'HALTED', halt };
}
