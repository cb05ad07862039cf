import type { EventClock } from './event-clock.js';

/** Tells what happens in a simulated world, a line for each thing, with its time. Does nothing where nobody wants it. */
export type Trace = (what: string, ...details: readonly unknown[]) => void;

export const NO_TRACE: Trace = () => {};

/** A trace in lines of text: time in the world, what happened, its details as short JSON. */
export function createTrace(clock: EventClock, write: (line: string) => void): Trace {
  return (what, ...details) => {
    const atMs = clock.wallMs();
    const at = Number.isSafeInteger(atMs) ? atMs : Math.round(atMs * 1000) / 1000;
    const time = new Date(Math.floor(at)).toISOString().slice(0, -1);
    write([time, what.padEnd(18), ...details.map(inBrief)].join('  ').trimEnd());
  };
}

/** Details of which a line would be all noise; what stands in for them is enough to find them again. */
const LENGTH_MAX = 400;

function inBrief(detail: unknown): string {
  const seen = typeof detail === 'string' ? detail : JSON.stringify(detail, decimalsAsText);
  if (seen === undefined) return '';
  return seen.length <= LENGTH_MAX ? seen : `${seen.slice(0, LENGTH_MAX)}… (${seen.length} characters)`;
}

function decimalsAsText(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}
