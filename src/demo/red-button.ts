import type { SimulatedButton } from '../guard/control.js';
import type { Guard } from '../guard/guard.js';
import { PRESS_GAP_MS_MIN } from '../guard/resume-window.js';
import { until } from './lockstep.js';

/** What a press brought, in milliseconds of real time from the moment the contact opened. */
export interface PressTimes {
  readonly revokedMs: number;
  readonly confirmedMs: number;
  /** What the LED shows now. */
  readonly led: string;
}

const HELD_MS = 120;

/** The demo's hand on the button. */
export class RedButton {
  readonly #guard: Guard;
  readonly #button: SimulatedButton;
  readonly #permitted: () => boolean;
  #pressed = false;

  constructor(guard: Guard, button: SimulatedButton, permitted: () => boolean) {
    this.#guard = guard;
    this.#button = button;
    this.#permitted = permitted;
  }

  async press(): Promise<PressTimes> {
    const startMs = performance.now();
    this.#set(true);
    await until(() => !this.#permitted(), 'the permit’s revocation');
    const revokedMs = performance.now() - startMs;
    await until(() => {
      const { halt } = this.#guard.status();
      return halt?.recorded === true && halt.confirmed === true;
    }, 'the halt’s confirmation');
    return { revokedMs, confirmedMs: performance.now() - startMs, led: this.#guard.status().led };
  }

  /** Releases the button, opens the resume window and presses twice as a person must. Resolves once ACTIVE. */
  async rearm(): Promise<void> {
    if (this.#pressed) {
      this.#set(false);
      await wait(HELD_MS);
    }
    // The window does not open before the contact has been seen released for long enough.
    await until(() => this.#guard.resume('the demo').opened, 'opening the resume window');
    await this.#pressOnce();
    await wait(PRESS_GAP_MS_MIN);
    await this.#pressOnce();
    await until(() => this.#guard.status().state === 'ACTIVE' && this.#permitted(), 're-arming');
  }

  toggle(): void {
    this.#set(!this.#pressed);
  }

  async #pressOnce(): Promise<void> {
    this.#set(true);
    await until(() => this.#guard.status().contact === 'pressed', 'the press');
    await wait(HELD_MS);
    this.#set(false);
    await until(() => this.#guard.status().contact === 'released', 'the release');
  }

  #set(down: boolean): void {
    this.#pressed = down;
    this.#button(down);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
