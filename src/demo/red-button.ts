import type { SimulatedButton } from '../guard/control.js';
import type { InProcessGuard } from '../guard/in-process.js';
import { PRESS_GAP_MS_MIN } from '../guard/resume-window.js';
import { until } from './lockstep.js';

/** What a press brought, in milliseconds of real time from the moment the contact opened. */
export interface PressTimes {
  readonly revokedMs: number;
  readonly confirmedMs: number;
  /** What the LED shows now. */
  readonly led: string;
}

/** The demo's hand on the button. */
export interface RedButton {
  press(): Promise<PressTimes>;
  /** Releases the button, opens the resume window and presses twice as a person must. Resolves once ACTIVE. */
  rearm(): Promise<void>;
  toggle(): void;
}

const HELD_MS = 120;

export function createRedButton(
  guard: InProcessGuard,
  button: SimulatedButton,
  permitted: () => boolean,
): RedButton {
  let pressed = false;
  const set = (down: boolean) => {
    pressed = down;
    button(down);
  };
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const held = () => wait(HELD_MS);
  const status = () => guard.guard.status();
  const pressOnce = async () => {
    set(true);
    await until(() => status().contact === 'pressed', 'the press');
    await held();
    set(false);
    await until(() => status().contact === 'released', 'the release');
  };
  return {
    async press() {
      const startMs = performance.now();
      set(true);
      await until(() => !permitted(), 'the permit’s revocation');
      const revokedMs = performance.now() - startMs;
      await until(
        () => status().halt?.recorded === true && status().halt?.confirmed === true,
        'the halt’s confirmation',
      );
      return { revokedMs, confirmedMs: performance.now() - startMs, led: status().led };
    },
    async rearm() {
      if (pressed) {
        set(false);
        await held();
      }
      // The window does not open before the contact has been seen released for long enough.
      await until(() => guard.guard.resume('the demo').opened, 'opening the resume window');
      await pressOnce();
      await wait(PRESS_GAP_MS_MIN);
      await pressOnce();
      await until(() => status().state === 'ACTIVE' && permitted(), 're-arming');
    },
    toggle() {
      set(!pressed);
    },
  };
}
