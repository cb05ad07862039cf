import type { Secret } from '../../config/credentials.js';
import type { LiveBlocker } from '../../config/live-blockers.js';
import type { Config } from '../../config/schema.js';
import { messageOf, RedbuttonError } from '../../core/errors.js';
import type { Gpio } from '../../ports/gpio.js';
import type { Clock } from '../../ports/time.js';

/** `unchecked`: could not be looked at from here, as by a user who may not. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'unchecked';

export interface Finding {
  /** What was looked at: `button wiring`, `clock`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found, with its figures, in one sentence. */
  readonly detail: string;
  /** What the reader can do; null where all is well. */
  readonly remedy: string | null;
}

/** Where the doctor looks. Tests hand in folders, sockets and lines of their own. */
export interface Patient {
  readonly config: Config;
  readonly configFile: string;
  readonly clock: Clock;
  /** Credentials by name, as the services get them; undefined where there is none. */
  readonly credential: (name: string) => Secret | undefined;
  readonly credentialsDir: string;
  /** What the days of paper trading say against real money; of all exchanges but those that are refused anyway. */
  readonly unearned: (but: ReadonlySet<string | null>) => Promise<readonly LiveBlocker[]>;
  /** Where the installed units stand. */
  readonly unitDir: string;
  /** Made by systemd-timesyncd once the clock is set. */
  readonly timesyncFile?: string | undefined;
  /** Roots of sysfs, procfs and the boot partition. */
  readonly sysDir: string;
  readonly procDir: string;
  readonly bootDir: string;
  /** Opens the lines; called only while no guard holds them. */
  readonly openLines: () => Gpio;
  /** May take seconds and disturbs a person: the LED is lit, a test alert is sent. */
  readonly quick: boolean;
}

export interface Check {
  readonly name: string;
  look(patient: Patient): Promise<readonly Finding[]>;
}

export const ok = (check: string, detail: string): Finding => ({
  check,
  verdict: 'ok',
  detail,
  remedy: null,
});
export const warning = (check: string, detail: string, remedy: string): Finding => ({
  check,
  verdict: 'warning',
  detail,
  remedy,
});
export const failed = (check: string, detail: string, remedy: string): Finding => ({
  check,
  verdict: 'failed',
  detail,
  remedy,
});
export const unchecked = (check: string, detail: string, remedy: string): Finding => ({
  check,
  verdict: 'unchecked',
  detail,
  remedy,
});

const NOT_ALLOWED = new Set(['EACCES', 'EPERM', 'E_SOCKET_DENIED', 'E_GPIO_DENIED']);

/** What an error means for a check: not allowed is no fault of the box, everything else is one. */
export function findingOf(check: string, error: unknown, remedy = 'see docs/operations.md'): Finding {
  const { code } = error as { code?: unknown };
  const cause = (error as { cause?: { code?: unknown } }).cause?.code;
  if (NOT_ALLOWED.has(String(code)) || NOT_ALLOWED.has(String(cause))) {
    return unchecked(check, messageOf(error), 'run redbutton doctor as root: sudo redbutton doctor');
  }
  return failed(check, messageOf(error), error instanceof RedbuttonError ? error.remedy : remedy);
}
