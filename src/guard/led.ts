/**
 * The LED's patterns, all of them, in this one place. No steady level may mean armed: sysfs keeps a level when the
 * process dies, so that steady or dark says that the guard is dead.
 */
export type LedMode =
  | 'starting'
  | 'armed'
  | 'halted_confirmed'
  | 'halted_unconfirmed'
  | 'resume_open'
  | 'fault';

export interface LedPattern {
  readonly mode: LedMode;
  readonly name: string;
  readonly meaning: string;
  /** Lit and dark in turn, in milliseconds, beginning lit; repeated forever. */
  readonly stepsMs: readonly number[];
}

export const LED_PATTERNS: readonly LedPattern[] = [
  {
    mode: 'starting',
    name: 'slow blink',
    meaning: 'starting or reducing: no entries yet',
    stepsMs: [1000, 1000],
  },
  { mode: 'armed', name: 'wink every 2 s', meaning: 'armed: orders may leave', stepsMs: [100, 1900] },
  {
    mode: 'halted_confirmed',
    name: 'fast blink',
    meaning: 'halted, confirmed: recorded, no open order left',
    stepsMs: [100, 100],
  },
  {
    mode: 'halted_unconfirmed',
    name: 'fast blink with pauses',
    meaning: 'halted, unconfirmed: not recorded, or orders open',
    stepsMs: [100, 100, 100, 100, 100, 100, 100, 800],
  },
  {
    mode: 'resume_open',
    name: 'three short blinks',
    meaning: 'halted, can be armed: redbutton resume is open',
    stepsMs: [60, 140, 60, 140, 60, 1040],
  },
  {
    mode: 'fault',
    name: 'double blink',
    meaning: 'fault: trader dead or permit not writable',
    stepsMs: [150, 150, 150, 1050],
  },
];

/** What a dead guard leaves behind; it is no pattern, so nobody drives it. */
export const LED_DEAD = {
  name: 'dark or steady',
  meaning: 'guard dead: no entries, the permit has lapsed',
} as const;

const BY_MODE = new Map(LED_PATTERNS.map((pattern) => [pattern.mode, pattern]));

export interface LedMoment {
  readonly level: 0 | 1;
  /** Milliseconds until the level changes. */
  readonly leftMs: number;
}

/** What `mode` shows `sinceMs` milliseconds after it began. */
export function ledMoment(mode: LedMode, sinceMs: number): LedMoment {
  const { stepsMs } = BY_MODE.get(mode)!;
  const period = stepsMs.reduce((sum, step) => sum + step, 0);
  let left = ((sinceMs % period) + period) % period;
  for (const [i, step] of stepsMs.entries()) {
    if (left < step) return { level: i % 2 === 0 ? 1 : 0, leftMs: step - left };
    left -= step;
  }
  return { level: 0, leftMs: 0 };
}
