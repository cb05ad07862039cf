import { existsSync } from 'node:fs';
import { accountOf, type Paths, pathsOf } from '../config/paths.js';
import { configSchema } from '../config/schema.js';
import { type OptionTable, type ValuePlace, wrongUsage } from '../console/option-table.js';
import { CONFIG_OPTION, configFrom, DEFAULT_CONFIG_FILE } from './config-option.js';

/** The options by which a command finds the box's sockets. */
export const ADDRESS_OPTIONS = {
  config: { ...CONFIG_OPTION, otherwise: `${DEFAULT_CONFIG_FILE}, where it exists` },
  'run-dir': {
    value: 'DIR',
    help: "where the box's sockets are, in place of device.runDir",
    read: nonEmpty,
    completes: 'folder',
  },
} as const satisfies OptionTable;

function nonEmpty(text: string, { command, name }: ValuePlace): string {
  if (text === '') throw wrongUsage(command, `${name} is empty`);
  return text;
}

/** The box's files: of --run-dir, of --config, of the installed box's configuration, or where they are by default. */
export function addressOf(values: {
  readonly config?: string | undefined;
  readonly 'run-dir'?: string | undefined;
}): Paths {
  const runDir = values['run-dir'];
  const configured = values.config !== undefined || (runDir === undefined && existsSync(DEFAULT_CONFIG_FILE));
  const config = configured ? configFrom(values.config) : null;
  const device = config?.device ?? configSchema.shape.device.parse({});
  const account = config === null ? 'paper' : accountOf(config);
  return pathsOf(runDir === undefined ? device : { ...device, runDir }, account);
}
