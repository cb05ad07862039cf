import type { Config } from '../config/schema.js';
import type { GuardLines, GuardSettings } from './guard-settings.js';

/** The guard's settings from the configuration. */
export function settingsOf(guard: Config['guard']): GuardSettings {
  return {
    permitPeriodMs: guard.permitPeriodMs,
    permitLifeMs: guard.permitLifeMs,
    pollMs: guard.pollMs,
    releaseDebounceMs: guard.releaseDebounceMs,
    resumeWindowMs: guard.resumeWindowMs,
    contact: guard.contact,
    secondContact: guard.secondContact,
    flattenOnHalt: guard.onHalt === 'flatten',
  };
}

/** The guard's lines from the configuration. */
export function linesOf(gpio: Config['gpio']): GuardLines {
  return { button: gpio.buttonLine, second: gpio.secondLine, led: gpio.ledLine, reset: gpio.resetLine };
}
