import type { OptionSpec } from '../../console/option-table.js';

/** Settings of a study: a configuration where one is given. */
export const STUDY_CONFIG = {
  value: 'FILE',
  help: 'settings',
  otherwise: 'built-in values',
  completes: 'file',
} as const satisfies OptionSpec;
