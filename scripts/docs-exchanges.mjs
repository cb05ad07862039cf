// Writes the table in docs/exchanges.md from what is proven: node scripts/docs-exchanges.mjs. Needs `npm run build`. A test
// holds the committed page to it.
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = fileURLToPath(new URL('../docs/exchanges.md', import.meta.url));
  const { PROVEN_EXCHANGES } = await import('../dist/config/proven-exchanges.js');
  writeFileSync(file, exchangesPage(readFileSync(file, 'utf8'), PROVEN_EXCHANGES));
}
