// Compiles the native addon; npm runs it as the `install` script of `npm ci`.
// Headers come from beside the running Node where it has them (Debian's libnode-dev, the official archives, the
// registry's `node` package), else from the registry's node-api-headers: nothing outside the npm registry is fetched.
// Usage: node scripts/build-native.mjs
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions } from './usage.mjs';

readOptions(import.meta.url);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function headersBesideNode() {
  const prefix = path.resolve(path.dirname(process.execPath), '..');
  const dir = path.join(prefix, 'include', 'node');
  return existsSync(path.join(dir, 'node_api.h')) && existsSync(path.join(dir, 'common.gypi'))
    ? prefix
    : undefined;
}

/** A header tree in the shape node-gyp wants, from node-api-headers; the addon uses Node-API alone, so that is enough. */
function headersFromRegistry() {
  const { include_dir: source } = createRequire(import.meta.url)('node-api-headers');
  const nodedir = path.join(root, 'native', 'headers');
  const target = path.join(nodedir, 'include', 'node');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(source)) copyFileSync(path.join(source, name), path.join(target, name));
  const config = {
    target_defaults: { default_configuration: 'Release' },
    variables: process.config.variables,
  };
  writeFileSync(path.join(target, 'config.gypi'), JSON.stringify(config));
  const common = {
    variables: { clang: 0 },
    target_defaults: {
      default_configuration: 'Release',
      cflags: ['-pthread'],
      ldflags: ['-pthread'],
      configurations: { Release: { cflags: ['-O3'] }, Debug: { cflags: ['-g', '-O0'] } },
      target_conditions: [['_type=="loadable_module"', { cflags: ['-fPIC'], ldflags: ['-shared'] }]],
    },
  };
  writeFileSync(path.join(target, 'common.gypi'), JSON.stringify(common));
  return nodedir;
}

const nodedir = headersBesideNode() ?? headersFromRegistry();
// npm puts its own node-gyp on the PATH of lifecycle scripts.
const args = [
  'node-gyp',
  'rebuild',
  '--directory',
  'native',
  '--nodedir',
  nodedir,
  '--jobs',
  'max',
  '--loglevel',
  'error',
];
const inLifecycle = process.env.npm_lifecycle_event !== undefined;
const run = inLifecycle
  ? spawnSync(args[0], args.slice(1), { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  : spawnSync('npm', ['run', 'install', '--silent'], { cwd: root, stdio: 'inherit' });
if (run.error || run.status !== 0) {
  process.stderr.write(
    `redbutton: the native addon did not compile${run.error ? ` (${run.error.message})` : ''}; it needs g++, make and python3 (Debian: apt install g++ make python3)\n`,
  );
  process.exit(1);
}
