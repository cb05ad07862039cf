// What every script beside it answers to `--help` with: the comment at its own head. A wrong option is a sentence and exit 2.
// Usage: import { isRun, readOptions } from './usage.mjs'
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** Whether the script at `url` was started itself, not imported. */
export function isRun(url) {
  const [, started = ''] = process.argv;
  return existsSync(started) && pathToFileURL(realpathSync(started)).href === url;
}

/** The arguments of the script at `url`, as `parseArgs` gives them; ends the process at `--help` and at wrong ones. */
export function readOptions(url, config = {}) {
  const file = fileURLToPath(url);
  let parsed;
  try {
    parsed = parseArgs({ ...config, options: { ...config.options, help: { type: 'boolean', short: 'h' } } });
  } catch (error) {
    process.stderr.write(`${path.basename(file)}: ${error.message.split('. ')[0]}; see --help\n`);
    process.exit(2);
  }
  if (parsed.values.help) {
    process.stdout.write(headOf(readFileSync(file, 'utf8')));
    process.exit(0);
  }
  return parsed;
}

function headOf(source) {
  const lines = source.split('\n').filter((line) => !/^(#!|\/\/ biome-ignore)/.test(line));
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines
    .slice(0, end)
    .map((line) => `${line.replace(/^\/\/ ?/, '')}\n`)
    .join('');
}

if (isRun(import.meta.url)) readOptions(import.meta.url);
