// Copies the packages that a program needs out of node_modules: `copy-packages.mjs TARGET ROOT …`. What is needed is read
// from package-lock.json, so that the copy is the installed tree cut down, not another one.
import { cpSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { packages } = JSON.parse(readFileSync(path.join(project, 'package-lock.json'), 'utf8'));
const [target, ...roots] = process.argv.slice(2);

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

// Other platforms' binaries, other module formats and maps, which are most of the bytes.
// npm's own way to name another machine than this one (npm install --cpu), which build-image uses.
const arch = process.env.npm_config_arch ?? process.arch;
const otherArch = arch === 'arm64' ? 'x64' : 'arm64';
const left = new RegExp(
  String.raw`\.map$|onnxruntime-node/bin/napi-v\d+/(darwin|win32|linux/${otherArch})|/prebuilds/(?!linux-${arch}(/|$))[^/]+|/ccxt/(dist/(?!ccxt\.cjs)|js/test)|/(epoll|onoff)/build/.*\.o$`,
);
for (const place of wanted) {
  cpSync(path.join(project, place), path.join(target, place), {
    recursive: true,
    dereference: true,
    filter: (source) => !left.test(source) && path.basename(source) !== 'node_modules',
  });
}
