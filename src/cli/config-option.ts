import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';

/** Where the service's own configuration stands on an installed box. */
export const DEFAULT_CONFIG_FILE = '/etc/redbutton/redbutton.toml';

/** The configuration named by `--config`, else the installed box's. */
export function configFrom(option: string | undefined): Config {
  return loadConfig(option ?? DEFAULT_CONFIG_FILE);
}
