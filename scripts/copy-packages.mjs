// Copies the packages that a program needs out of node_modules. What is needed is read from package-lock.json, so that the
// copy is the installed tree cut down, not another one.
// Usage: node scripts/copy-packages.mjs TARGET [ROOT]...     ROOT: only these packages and what they need
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { target as machineHere, machineOf } from './foreign-binaries.mjs';
import { readOptions } from './usage.mjs';

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [target, ...roots] = readOptions(import.meta.url, { allowPositionals: true }).positionals;
if (target === undefined) {
  process.stderr.write('copy-packages: name the folder to copy to; see --help\n');
  process.exit(2);
}
const { packages } = JSON.parse(readFileSync(path.join(project, 'package-lock.json'), 'utf8'));

/** The place of `name` as seen from the package at `from`, by Node's own rule: upwards through node_modules. */
function resolve(from, name) {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const place = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (base === '') return undefined;
  }
}

const wanted = new Set();
const visit = (from, names) => {
  for (const name of names) {
    const place = resolve(from, name);
    if (place === undefined || wanted.has(place) || !existsSync(path.join(project, place))) continue;
    wanted.add(place);
    const { dependencies, optionalDependencies, peerDependencies } = packages[place];
    visit(place, Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  }
};
const own = packages[''];
visit('', roots.length > 0 ? roots : Object.keys({ ...own.dependencies, ...own.optionalDependencies }));

// What no running program reads: maps, declarations, sources of compiled code and what their compiler leaves, other module
// formats; and of ccxt dYdX's messages, which are no use without protobufjs and under a licence of their own (AGPL).
const LEFT_OUT = [
  /\.(map|[cm]?ts|c|cc|cpp|h|hpp|gypi?|mk|o|d)$/,
  /\/(epoll|onoff)\/build\/(?!Release(\/[^/]+\.node)?$)/,
  /\/mqtt\/dist(\/|$)/,
  /\/ccxt\/(dist\/(?!ccxt\.cjs)|js\/test)/,
  /\/ccxt\/js\/src\/static_dependencies\/dydx-v4-client\/(cosmos|dydxprotocol|google|registry)/,
];

for (const place of wanted) {
  const seen = new Set();
  cpSync(path.join(project, place), path.join(target, place), {
    recursive: true,
    dereference: true,
    filter: (source) => {
      if (LEFT_OUT.some((pattern) => pattern.test(source)) || path.basename(source) === 'node_modules')
        return false;
      const machine = statSync(source).isFile() ? machineOf(source) : null;
      if (machine !== null) seen.add(machine);
      return machine === null || machine === machineHere;
    },
  });
  // An optional one has a way of its own without it, as bufferutil has on a Pi.
  if (seen.size > 0 && !seen.has(machineHere) && !packages[place].optional) {
    process.stderr.write(
      `copy-packages: ${place} has nothing for ${machineHere}, only for ${[...seen].join(', ')}\n`,
    );
    process.exit(1);
  }
}
