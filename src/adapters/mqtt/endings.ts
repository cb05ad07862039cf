/** How one connection ended. */
export interface Ending {
  /** How long it was up; null where it never was. */
  readonly upMs: number | null;
  readonly error: unknown;
  /** The topic of the oldest message that was not acknowledged; null where all were. Brokers acknowledge in order. */
  readonly waitingTopic: string | null;
  readonly atMs: number;
}

/** What follows from an ending, and from those before it. */
export interface Verdict {
  /** How many times in a row no connection has lasted: what the waiting time grows with. */
  readonly tries: number;
  /** `certain`: the broker said so. `likely`: it closes again and again without a word, as MQTT 3.1.1 has no word for it. */
  readonly takenOver: 'certain' | 'likely' | null;
  /** The topic over which the broker ends the connection. */
  readonly rejectedTopic: string | null;
}

/** A connection that lasts this long counts as one that works. */
const LASTS_MS = 30_000;
/** Endings over the same topic before it is blamed; a network in trouble seldom does that. */
const REFUSED_TIMES = 3;
const SILENT_TIMES = 3;
const SILENT_WITHIN_MS = 300_000;
/** MQTT 5, section 2.4. */
const SESSION_TAKEN_OVER = 142;
const REFUSALS: ReadonlySet<unknown> = new Set([135, 144]);
/** A broker that just closes (`CLOSED` is the link's own word for it), or resets. */
const CLOSED: ReadonlySet<unknown> = new Set(['CLOSED', 'ECONNRESET', 'EPIPE']);

/** Judges why connections end; holds counts alone. */
export function createEndings(): { judge(ending: Ending): Verdict } {
  let tries = 0;
  let suspect: { readonly topic: string; readonly times: number } | null = null;
  let silentAtMs: number[] = [];
  const blamed = new Set<string>();

  function refused({ waitingTopic, upMs }: Ending, code: unknown): string | null {
    if (
      waitingTopic === null ||
      upMs === null ||
      upMs >= LASTS_MS ||
      !(CLOSED.has(code) || REFUSALS.has(code))
    ) {
      suspect = null;
      return null;
    }
    suspect = { topic: waitingTopic, times: suspect?.topic === waitingTopic ? suspect.times + 1 : 1 };
    if (suspect.times < REFUSED_TIMES && !blamed.has(waitingTopic)) return null;
    blamed.add(waitingTopic);
    suspect = null;
    return waitingTopic;
  }

  function likelyTakenOver({ waitingTopic, upMs, atMs }: Ending, code: unknown): boolean {
    // A broker that was away is not there at the first try; one that gave us away is.
    if (upMs === null || !CLOSED.has(code)) silentAtMs = [];
    else if (waitingTopic === null) silentAtMs.push(atMs);
    silentAtMs = silentAtMs.filter((ms) => atMs - ms <= SILENT_WITHIN_MS);
    if (silentAtMs.length < SILENT_TIMES) return false;
    silentAtMs = [];
    return true;
  }

  return {
    judge(ending) {
      const code = (ending.error as { code?: unknown } | null)?.code;
      tries = ending.upMs !== null && ending.upMs >= LASTS_MS ? 0 : tries + 1;
      const likely = likelyTakenOver(ending, code);
      return {
        tries,
        takenOver: code === SESSION_TAKEN_OVER ? 'certain' : likely ? 'likely' : null,
        rejectedTopic: refused(ending, code),
      };
    },
  };
}
