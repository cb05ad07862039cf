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

export class Button {
  readonly #settings: ButtonSettings;
  readonly #pressedLevel: 0 | 1;
  #phase: 'unknown' | 'pressed' | 'releasing' | 'released' = 'unknown';
  #sinceMs = 0;
  #held = false;
  /** Whether the last that was told is a press: what follows one is bounce of it, what was never told is no bounce. */
  #told = false;

  constructor(settings: ButtonSettings) {
    this.#settings = settings;
    this.#pressedLevel = settings.contact === 'nc' ? 1 : 0;
  }

  /** A look at the line. */
  sample(level: 0 | 1, atMs: number): readonly ButtonEvent[] {
    return level === this.#pressedLevel ? this.#press(atMs) : this.#release(atMs);
  }

  /** An edge, with the level read when it was delivered. */
  edge(level: 0 | 1, atMs: number): readonly ButtonEvent[] {
    if (level === this.#pressedLevel) return this.#press(atMs);
    // An edge while all seemed released, and released again by now: the contact opened between two looks.
    const events = this.#phase === 'released' ? this.#press(atMs) : [];
    this.#phase = 'releasing';
    this.#sinceMs = atMs;
    return events;
  }

  /** The contact moved while nobody looked, which was a press or the end of one that nobody has acted on. */
  moved(atMs: number): readonly ButtonEvent[] {
    const events = this.#press(atMs);
    this.#phase = 'releasing';
    return events;
  }

  /** Nothing continues in time: no press to be held yet, no release to be waited out. */
  settled(): boolean {
    return this.#phase === 'released' || (this.#phase === 'pressed' && this.#held);
  }

  /** Forgets what was seen, as after the line was opened again: unknown until it has been looked at. */
  reset(): void {
    this.#phase = 'unknown';
    this.#told = false;
    this.#held = false;
  }

  #press(atMs: number): readonly ButtonEvent[] {
    if (this.#phase !== 'pressed') {
      this.#phase = 'pressed';
      this.#sinceMs = atMs;
      if (!this.#told) {
        this.#told = true;
        this.#held = false;
        return ['pressed'];
      }
    }
    if (this.#held || atMs - this.#sinceMs < this.#settings.holdMs) return [];
    this.#held = true;
    return ['held'];
  }

  #release(atMs: number): readonly ButtonEvent[] {
    if (this.#phase === 'released') return [];
    if (this.#phase !== 'releasing') {
      this.#phase = 'releasing';
      this.#sinceMs = atMs;
    }
    if (atMs - this.#sinceMs < this.#settings.releaseDebounceMs) return [];
    this.#phase = 'released';
    this.#told = false;
    return ['released'];
  }
}
