/**
 * The button's contact, from single looks at its line. Pure: the caller brings level and monotonic time.
 *
 * The first pressed sample trips; only the release is debounced, and only what cannot be undone waits for the contact
 * to have stayed pressed. So chatter, which is a wire about to break, trips at its first sample.
 */
export interface ButtonSettings {
  /** `nc`: normally closed to ground under a pull-up, so that pressed or cut reads 1. `no`: pressed reads 0. */
  readonly contact: 'nc' | 'no';
  readonly releaseDebounceMs: number;
  /** Unbroken press after which positions may be flattened. */
  readonly holdMs: number;
}

export type ButtonEvent = 'pressed' | 'held' | 'released';

export interface Button {
  /** A look at the line. */
  sample(level: 0 | 1, atMs: number): readonly ButtonEvent[];
  /** An edge, with the level read when it was delivered. */
  edge(level: 0 | 1, atMs: number): readonly ButtonEvent[];
  /** The contact moved while nobody looked, which was a press or the end of one that nobody has acted on. */
  moved(atMs: number): readonly ButtonEvent[];
  /** Nothing goes on in time: no press to be held yet, no release to be waited out. */
  settled(): boolean;
  /** Forgets what was seen, as after the line was opened anew: unknown until it has been looked at. */
  reset(): void;
}

export function createButton(settings: ButtonSettings): Button {
  const pressedLevel = settings.contact === 'nc' ? 1 : 0;
  let phase: 'unknown' | 'pressed' | 'releasing' | 'released' = 'unknown';
  let sinceMs = 0;
  let held = false;
  /** Whether the last that was told is a press: what follows one is bounce of it, what was never told is no bounce. */
  let told = false;

  const press = (atMs: number): readonly ButtonEvent[] => {
    if (phase !== 'pressed') {
      phase = 'pressed';
      sinceMs = atMs;
      if (!told) {
        told = true;
        held = false;
        return ['pressed'];
      }
    }
    if (held || atMs - sinceMs < settings.holdMs) return [];
    held = true;
    return ['held'];
  };
  const release = (atMs: number): readonly ButtonEvent[] => {
    if (phase === 'released') return [];
    if (phase !== 'releasing') {
      phase = 'releasing';
      sinceMs = atMs;
    }
    if (atMs - sinceMs < settings.releaseDebounceMs) return [];
    phase = 'released';
    told = false;
    return ['released'];
  };

  return {
    sample(level, atMs) {
      return level === pressedLevel ? press(atMs) : release(atMs);
    },
    edge(level, atMs) {
      if (level === pressedLevel) return press(atMs);
      // An edge while all seemed released, and released again by now: the contact opened between two looks.
      const missed = phase === 'released';
      const events = missed ? press(atMs) : [];
      phase = 'releasing';
      sinceMs = atMs;
      return events;
    },
    moved(atMs) {
      const events = press(atMs);
      phase = 'releasing';
      return events;
    },
    settled: () => phase === 'released' || (phase === 'pressed' && held),
    reset() {
      phase = 'unknown';
      told = false;
      held = false;
    },
  };
}
