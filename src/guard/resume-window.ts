/**
 * The window in which a person at the box may arm it, and the act that does so at the red button: pressed and released,
 * and pressed and released again, no sooner than {@link PRESS_GAP_MS_MIN} after the first release and within
 * {@link PRESS_GAP_MS_MAX} of it. So one press, made "to be sure" in a window that somebody else has opened, arms nothing,
 * and neither do the quick presses of somebody in a hurry to halt. Pure.
 */
export const PRESS_GAP_MS_MIN = 2_000;
const PRESS_GAP_MS_MAX = 10_000;

/** How far the act is. `releasedMs` is the monotonic time of the first release. */
type ArmingAct =
  | { readonly at: 'none' | 'first_pressed' }
  | { readonly at: 'first_released' | 'second_pressed'; readonly releasedMs: number };

export interface ResumeWindow {
  readonly untilMonotonicMs: number;
  readonly act: ArmingAct;
}

/** What an event makes of an open window. */
export type WindowTurn =
  | {
      readonly to: 'open';
      readonly window: ResumeWindow;
      readonly change: 'first_press' | 'first_press_void' | null;
    }
  /** The act is complete. */
  | { readonly to: 'arm' }
  /** The press is none of the act's. */
  | { readonly to: 'halt' }
  | { readonly to: 'expired' };

export function openWindow(untilMonotonicMs: number): ResumeWindow {
  return { untilMonotonicMs, act: { at: 'none' } };
}

/** One event; `contact` is what the button's contact was before it. A line that cannot be relied on brings no event here. */
export function turnWindow(
  window: ResumeWindow,
  event: 'pressed' | 'released' | 'tick',
  contact: 'unknown' | 'pressed' | 'released',
  monotonicMs: number,
): WindowTurn {
  if (monotonicMs >= window.untilMonotonicMs) return { to: 'expired' };
  const { act } = window;
  const became = (next: ArmingAct, change: 'first_press' | 'first_press_void' | null = null): WindowTurn => ({
    to: 'open',
    window: { ...window, act: next },
    change,
  });
  const late = 'releasedMs' in act && monotonicMs - act.releasedMs > PRESS_GAP_MS_MAX;
  if (event === 'pressed') {
    // A contact that is found open, or opens twice, is no press that somebody was seen to begin.
    if (contact !== 'released') return { to: 'halt' };
    if (late) return became({ at: 'first_pressed' }, 'first_press_void');
    if (act.at === 'none') return became({ at: 'first_pressed' });
    if (act.at !== 'first_released' || monotonicMs - act.releasedMs < PRESS_GAP_MS_MIN) return { to: 'halt' };
    return became({ at: 'second_pressed', releasedMs: act.releasedMs });
  }
  if (late) return became({ at: 'none' }, 'first_press_void');
  if (event === 'released' && contact === 'pressed') {
    if (act.at === 'second_pressed') return { to: 'arm' };
    if (act.at === 'first_pressed')
      return became({ at: 'first_released', releasedMs: monotonicMs }, 'first_press');
  }
  return { to: 'open', window, change: null };
}
