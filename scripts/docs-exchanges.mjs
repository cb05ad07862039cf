// Writes the table in docs/exchanges.md from what is proven. A test holds the committed page to it.
// Usage: node scripts/docs-exchanges.mjs
// Needs `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

const BEGIN = '<!-- proven: made by scripts/docs-exchanges.mjs -->\n';
const END = '<!-- end -->';

/** The page with the table of these rows in the place of its own. */
export function exchangesPage(page, rows) {
  const mark = (able) => (able ? 'yes' : 'no');
  const lines = rows.map(
    ({ id, kind, stops, marketOrders, deadMansSwitch }) =>
      `| \`${id}\` | ${kind} | ${mark(stops)} | ${mark(marketOrders)} | ${mark(deadMansSwitch)} |`,
  );
  const table = [
    "| exchange | kind | protective stops | market orders | dead man's switch |",
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error('docs/exchanges.md has lost the marks of its table');
  return page.slice(0, from + BEGIN.length) + table + page.slice(to);
}

if (isRun(import.meta.url)) {
  readOptions(import.meta.url);
  const file = fileURLToPath(new URL('../docs/exchanges.md', import.meta.url));
  const { PROVEN_EXCHANGES } = await import('../dist/config/proven-exchanges.js');
  writeFileSync(file, exchangesPage(readFileSync(file, 'utf8'), PROVEN_EXCHANGES));
}
