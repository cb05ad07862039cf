/** What `redbutton-gate` writes about itself, a line of JSON (native/gate/main.cc). */
export interface GateState {
  readonly open: boolean;
  /** The epoch it is open for, or was last. */
  readonly epoch: number;
  /** Whether set elements time out on this kernel. */
  readonly setTimeouts: boolean;
  /** Whether this kernel ends connections on demand. */
  readonly socketDestroy: boolean;
  /** Connections ended since it started. */
  readonly destroyed: number;
  /** Connections of an earlier epoch that keep it shut. */
  readonly waiting: number;
  /** The last failure, as `cannot …: …`. */
  readonly failure: string | null;
  /** CLOCK_MONOTONIC when it was written; each second. */
  readonly atMonotonicMs: number;
}

const SILENT_MS_MAX = 5000;

/** The state in `text`, or null where it is none. */
export function readGateState(text: string): GateState | null {
  try {
    const state = JSON.parse(text) as Partial<GateState> | null;
    return typeof state?.open === 'boolean' && typeof state.atMonotonicMs === 'number'
      ? (state as GateState)
      : null;
  } catch {
    return null;
  }
}

/** Whether it has not written for so long that what it opened has timed out. */
export function gateHangs(state: GateState, nowMonotonicMs: number): boolean {
  return nowMonotonicMs - state.atMonotonicMs > SILENT_MS_MAX;
}
