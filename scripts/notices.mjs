// Writes THIRD-PARTY-NOTICES into a tree that is handed out, for every package in its node_modules and what those bring
// inside them.
// Usage: node scripts/notices.mjs TREE
// Exit 1, with one sentence, where a licence is missing or is not allowed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineOf } from './foreign-binaries.mjs';
import { isRun, readOptions } from './usage.mjs';

const licenses = fileURLToPath(new URL('../licenses/', import.meta.url));
/** What a program under the MIT licence may be handed out with, as long as the notices come along. */
const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']);
/** More of them inside compiled code; MPL-2.0 for unchanged files, whose place is said beside the name. */
const ALLOWED_INSIDE = new Set([
  ...ALLOWED,
  'BSL-1.0',
  'ICU',
  'MPL-2.0',
  'PostgreSQL',
  'Public domain',
  'Zlib',
  'curl',
]);
const LICENSE_FILE = /^(licen[cs]e|copying|copyright|notice)/i;

class NoticeError extends Error {}

/** Whether an SPDX expression is met by `allowed`: one of its alternatives is, with all that it joins by AND. */
function permits(allowed, expression) {
  // What has brackets inside it is met by nothing: no package has needed that yet.
  const alternatives = /^\([^()]*\)$/.test(expression) ? expression.slice(1, -1) : expression;
  return alternatives
    .split(' OR ')
    .some((alternative) => alternative.split(' AND ').every((id) => allowed.has(id)));
}

/** The folders of all packages in a node_modules folder, those inside others too. */
function packageFolders(modules) {
  if (!existsSync(modules)) return [];
  return readdirSync(modules, { withFileTypes: true }).flatMap((entry) => {
    const inner = path.join(modules, entry.name);
    if (!entry.isDirectory() || entry.name.startsWith('.')) return [];
    if (entry.name.startsWith('@')) return packageFolders(inner);
    return [inner, ...packageFolders(path.join(inner, 'node_modules'))];
  });
}

function holdsCode(folder) {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const inner = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name !== 'node_modules' && holdsCode(inner);
    return entry.isFile() && machineOf(inner) !== null;
  });
}

const textOf = (id) => readFileSync(path.join(licenses, 'texts', `${id}.txt`), 'utf8').trim();

/** One package: name, licence, its texts, and what it brings inside. Throws a {@link NoticeError}. */
function noticeOf(folder, known) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const title = `${name} ${version}`;
  if (typeof license !== 'string') throw new NoticeError(`${title} names no licence in its package.json`);
  if (!permits(ALLOWED, license))
    throw new NoticeError(
      `${title} is under ${license}, which is not on the list of allowed licences in scripts/notices.mjs`,
    );
  const own = known.find(({ packages }) => packages.includes(name));
  if (own !== undefined && own.version !== version)
    throw new NoticeError(
      `licenses/bundled.json is about ${name} ${own.version}, and ${version} is handed out: see what it brings, and update it`,
    );
  if (own?.bundles === undefined && holdsCode(folder))
    throw new NoticeError(`${title} has compiled code: say in licenses/bundled.json what is inside`);
  const texts = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
  if (texts.length === 0 && own?.copyright === undefined)
    throw new NoticeError(
      `${title} brings no licence text: put its copyright line into licenses/bundled.json`,
    );
  if (texts.length === 0) texts.push(`${own.copyright}\n\n${textOf(license)}`);
  for (const { name: part, license: of } of own?.bundles ?? [])
    if (!permits(ALLOWED_INSIDE, of))
      throw new NoticeError(`${title} brings ${part} under ${of}, which is not allowed`);
  return { title, license, texts, bundles: own?.bundles ?? [] };
}

/** The whole file, for the packages of `tree`. */
export function noticesOf(
  tree,
  known = JSON.parse(readFileSync(path.join(licenses, 'bundled.json'), 'utf8')),
) {
  const folders = packageFolders(path.join(tree, 'node_modules'));
  // The same package in two places is one.
  const notices = [
    ...new Map(
      folders.map((folder) => noticeOf(folder, known)).map((notice) => [notice.title, notice]),
    ).values(),
  ];
  notices.sort((one, other) => (one.title < other.title ? -1 : 1));
  const shared = [...new Set(notices.flatMap(({ bundles }) => bundles.map(({ license }) => license)))].sort();
  const rule = '='.repeat(100);
  return [
    'Redbutton is under the MIT licence (LICENSE). It comes with the packages below, each under its own licence.',
    'On the image there are Node.js, whose notices are /usr/share/doc/node/copyright, and Debian packages, each with',
    'its own in /usr/share/doc/PACKAGE/copyright.',
    '',
    ...notices.flatMap(({ title, license, bundles }) => [
      `${title}: ${license}`,
      ...bundles.map((part) => `  with ${part.name}: ${part.license}`),
    ]),
    ...notices.flatMap(({ title, license, texts, bundles }) => [
      '',
      rule,
      `${title} (${license})`,
      '',
      texts.join('\n\n'),
      ...bundles.flatMap((part) => [
        '',
        `Inside it: ${part.name} (${part.license}, the text is at the end)`,
        ...(part.copyright === undefined ? [] : [part.copyright]),
        ...(part.source === undefined ? [] : [`Its source, unchanged: ${part.source}`]),
      ]),
    ]),
    ...shared
      .filter((license) => license !== 'Public domain')
      .flatMap((license) => ['', rule, `The text of ${license}`, '', textOf(license)]),
    '',
  ].join('\n');
}

if (isRun(import.meta.url)) {
  const [tree] = readOptions(import.meta.url, { allowPositionals: true }).positionals;
  if (tree === undefined) {
    process.stderr.write('notices: name the tree that is handed out; see --help\n');
    process.exit(2);
  }
  try {
    writeFileSync(path.join(tree, 'THIRD-PARTY-NOTICES'), noticesOf(tree));
  } catch (error) {
    if (!(error instanceof NoticeError)) throw error;
    process.stderr.write(`notices: ${error.message}\n`);
    process.exitCode = 1;
  }
}
