import type { ButtonInputSettings } from './button-input.js';

/** The guard's slice of the configuration. */
export interface GuardSettings {
  readonly permitPeriodMs: number;
  readonly permitLifeMs: number;
  readonly pollMs: number;
  readonly releaseDebounceMs: number;
  readonly resumeWindowMs: number;
  readonly contact: 'nc' | 'no';
  readonly secondContact: 'nc' | 'no';
  readonly flattenOnHalt: boolean;
}

/** Line offsets on the chip. */
export interface GuardLines {
  readonly button: number;
  /** A second contact of the red button, on a pin of its own. */
  readonly second?: number | undefined;
  readonly led: number;
  readonly reset?: number | undefined;
}

/** docs/design.md: flattening cannot be undone and needs 50 ms of open contact. */
const HOLD_MS = 50;
/** docs/design.md: two contacts that disagree for longer are a trip. */
const DISAGREE_MS = 500;

/** How the red button is read. */
export function buttonSettings(settings: GuardSettings, lines: GuardLines): ButtonInputSettings {
  const { releaseDebounceMs, contact, secondContact, pollMs } = settings;
  const first = { line: lines.button, contact };
  const { second } = lines;
  return {
    contacts: second === undefined ? [first] : [first, { line: second, contact: secondContact }],
    releaseDebounceMs,
    holdMs: HOLD_MS,
    disagreeMs: DISAGREE_MS,
    pollMs,
  };
}
