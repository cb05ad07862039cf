import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ALLOWED_WORDS, OLD_WORDS } from './old-words.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** SQL stays as it was run: a migration is known by its text. What is built is not written. */
const SKIPPED = /\.(png|svg|gz|bin|onnx|sql)$|^native\/build$/;

const filesBelow = (dir: string): string[] =>
  readdirSync(path.join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const inner = `${dir}/${entry.name}`;
    if (SKIPPED.test(inner)) return [];
    return entry.isDirectory() ? filesBelow(inner) : [inner];
  });

const files = [...['src', 'native', 'docs', 'scripts'].flatMap(filesBelow), 'README.md'];

interface Found {
  readonly file: string;
  readonly line: string;
  readonly text: string;
}

const lines: readonly Found[] = files.flatMap((file) =>
  readFileSync(path.join(root, file), 'utf8')
    .split('\n')
    .map((text, i) => ({ file, line: `${file}:${i + 1}`, text })),
);

/** The text without what is allowed there. */
const judged = ({ file, text }: Found) =>
  ALLOWED_WORDS.reduce(
    (left, allowed) =>
      allowed.at.test(file) ? left.replaceAll(new RegExp(allowed.text.source, 'g'), '') : left,
    text,
  );

it.each(OLD_WORDS)('says "$say" for $word', ({ word, say }) => {
  const found = lines.filter((each) => word.test(judged(each)));
  expect(found.map(({ line, text }) => `${line} (say ${say}): ${text.trim()}`)).toEqual([]);
});

it('allows no word that stands nowhere', () => {
  const unused = ALLOWED_WORDS.filter(
    ({ at, text }) => !lines.some((each) => at.test(each.file) && text.test(each.text)),
  );
  expect(unused.map(({ text }) => text.source)).toEqual([]);
});
