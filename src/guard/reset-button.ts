/**
 * The optional reset button: normally open to ground under a pull-up, so that pressed reads 0 and a cut wire is never
 * pressed. It counts only when seen released first and then held without a break, so that a stuck one arms nothing.
 */
export interface ResetButton {
  /** A look at the line; true at the moment the hold is complete. */
  sample(level: 0 | 1, atMs: number): boolean;
  /** Starts afresh: it must be seen released before a press counts. */
  reset(): void;
}

export function createResetButton(holdMs: number): ResetButton {
  let releasedSeen = false;
  let pressedSinceMs: number | null = null;
  return {
    sample(level, atMs) {
      if (level === 1) {
        releasedSeen = true;
        pressedSinceMs = null;
        return false;
      }
      if (!releasedSeen) return false;
      pressedSinceMs ??= atMs;
      if (atMs - pressedSinceMs < holdMs) return false;
      releasedSeen = false;
      pressedSinceMs = null;
      return true;
    },
    reset() {
      releasedSeen = false;
      pressedSinceMs = null;
    },
  };
}
