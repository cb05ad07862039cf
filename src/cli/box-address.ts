import { existsSync } from 'node:fs';
import { accountOf, type Paths, pathsOf } from '../config/paths.js';
import { configSchema } from '../config/schema.js';
import { badInput } from '../core/errors.js';
import { configFrom, DEFAULT_CONFIG_FILE } from './config-option.js';

/** The options by which a command finds the box's sockets. */
export const ADDRESS_OPTIONS = { config: { type: 'string' }, 'run-dir': { type: 'string' } } as const;

export const ADDRESS_HELP = `  --config FILE   the box's configuration (default ${DEFAULT_CONFIG_FILE},
                  where it exists)
  --run-dir DIR   where the box's sockets are, in place of device.runDir`;

/** The box's files: of --run-dir, of --config, of the installed box's configuration, or where they are by default. */
export function addressOf(
  command: string,
  values: { readonly config?: string | undefined; readonly 'run-dir'?: string | undefined },
): Paths {
  const runDir = values['run-dir'];
  if (runDir === '')
    throw badInput('E_USAGE', `${command}: --run-dir is empty`, `see redbutton ${command} --help`);
  const configured = values.config !== undefined || (runDir === undefined && existsSync(DEFAULT_CONFIG_FILE));
  const config = configured ? configFrom(values.config) : null;
  const device = config?.device ?? configSchema.shape.device.parse({});
  const account = config === null ? 'paper' : accountOf(config);
  return pathsOf(runDir === undefined ? device : { ...device, runDir }, account);
}
