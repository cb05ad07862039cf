import { setTimeout as delay } from 'node:timers/promises';
import { PRESS_GAP_MS_MIN } from '../../src/guard/resume-window.js';

/** The guard counts from the moment at which it has seen the release. */
const SPARE_MS = 200;
const WAIT_MS_MAX = 30_000;

/** The act of arming at the red button, in real time; each press and release is seen by the guard before the next. */
export async function pressTwice(
  button: (pressed: boolean) => unknown,
  contact: () => string | Promise<string>,
): Promise<void> {
  const move = async (pressed: boolean) => {
    await button(pressed);
    const wanted = pressed ? 'pressed' : 'released';
    const endMs = performance.now() + WAIT_MS_MAX;
    while ((await contact()) !== wanted) {
      if (performance.now() > endMs) throw new Error(`waited in vain for the contact to be ${wanted}`);
      await delay(5);
    }
  };
  await move(true);
  await move(false);
  await delay(PRESS_GAP_MS_MIN + SPARE_MS);
  await move(true);
  await move(false);
}
