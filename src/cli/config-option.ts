import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { OptionSpec } from '../console/option-table.js';

/** Where the service's own configuration stands on an installed box. */
export const DEFAULT_CONFIG_FILE = '/etc/redbutton/redbutton.toml';

export const CONFIG_OPTION = {
  value: 'FILE',
  help: 'the configuration',
  otherwise: DEFAULT_CONFIG_FILE,
  completes: 'file',
} as const satisfies OptionSpec;

/** The configuration named by `--config`, else the installed box's. */
export function configFrom(option: string | undefined): Config {
  return loadConfig(option ?? DEFAULT_CONFIG_FILE);
}
