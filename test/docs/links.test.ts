import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { termsList } from '../../src/research/report/terms.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const under = (folder: string) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name));
const PAGES = [
  ...under('.'),
  ...under('docs'),
  ...under('docs/decisions'),
  ...under('.github/ISSUE_TEMPLATE'),
];
const read = (page: string) => readFileSync(path.join(root, page), 'utf8');

/** A heading's address, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));

/** Links within the project; the code blocks of a page are no links. */
const linksOf = (page: string) =>
  [
    ...read(page)
      .replace(/```[\s\S]*?```/g, '')
      .matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g),
  ].map(([, link]) => link!);

const glossary = read('docs/glossary.md');
const terms = [...glossary.matchAll(/^### (.+)\n\n([\s\S]*?)(?=\n\n|\n*$)/gm)].map(([, term, text]) => ({
  term: term!,
  text: text!.replaceAll('\n', ' ').replace(/\[([^\]]+)\]\([^)]+\)/g, '$1'),
}));

describe('the pages', () => {
  it.each(PAGES)('%s has links that lead somewhere', (page) => {
    for (const link of linksOf(page)) {
      const [file, anchor] = link.split('#') as [string, string | undefined];
      const target = file === '' ? page : path.join(path.dirname(page), file);
      expect(existsSync(path.join(root, target)), `${page}: ${link}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(target), `${page}: ${link}`).toContain(anchor);
    }
  });

  it('can all be reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const page of reached)
      for (const link of linksOf(page)) {
        const target = path.join(path.dirname(page), link.split('#')[0]!);
        if (target.endsWith('.md') && existsSync(path.join(root, target))) reached.add(target);
      }
    expect(PAGES.filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([]);
  });

  it.each(PAGES)('%s names commands that there are, with options that they have', async (page) => {
    for (const [, block] of read(page).matchAll(/```(?:sh|text)\n([\s\S]*?)```/g))
      for (const [line, name] of block!.matchAll(/^(?:sudo |npx )?redbutton ([a-z-]+).*$/gm)) {
        const load = COMMANDS[name!];
        expect(load, line).toBeDefined();
        const { help } = (await load!()).command;
        for (const option of line.match(/--[a-z-]+/g) ?? [])
          if (option !== '--help') expect(help, line).toContain(option);
      }
  });
});

describe('docs/glossary.md', () => {
  it('has the terms that an owner needs', () => {
    expect(terms.length).toBeGreaterThanOrEqual(25);
  });

  it.each(terms)('explains $term, and a page links to it', ({ term }) => {
    const link = `glossary.md#${anchorOf(term)}`;
    expect(PAGES.some((page) => read(page).includes(`](${link})`) || read(page).includes(`/${link})`))).toBe(
      true,
    );
  });

  it.each(
    [...termsList().matchAll(/<dt>(.+?)<\/dt><dd>(.+?)<\/dd>/g)].map(([, term, sentence]) => ({
      term,
      sentence,
    })),
  )('says of $term what the report says', ({ term, sentence }) => {
    const found = terms.find((one) => one.term === term);
    expect(found?.text.replaceAll("'", '’')).toContain(sentence!.slice(0, -1));
  });
});
