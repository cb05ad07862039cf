/**
 * The optional reset button: normally open to ground under a pull-up, so that pressed reads 0 and a cut wire is never
 * pressed. It counts only when seen released first and then held without a break, so that a stuck one arms nothing.
 */
export class ResetButton {
  readonly #holdMs: number;
  #releasedSeen = false;
  #pressedSinceMs: number | null = null;

  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** A look at the line; true at the moment the hold is complete. */
  sample(level: 0 | 1, atMs: number): boolean {
    if (level === 1) {
      this.#releasedSeen = true;
      this.#pressedSinceMs = null;
      return false;
    }
    if (!this.#releasedSeen) return false;
    this.#pressedSinceMs ??= atMs;
    if (atMs - this.#pressedSinceMs < this.#holdMs) return false;
    this.reset();
    return true;
  }

  /** Starts afresh: it must be seen released before a press counts. */
  reset(): void {
    this.#releasedSeen = false;
    this.#pressedSinceMs = null;
  }
}
