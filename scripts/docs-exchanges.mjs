// Writes the table in docs/exchanges.md from what is proven. A test holds the committed page to it.
// Usage: node scripts/docs-exchanges.mjs
// Needs `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

const BEGIN = '<!-- proven: made by scripts/docs-exchanges.mjs -->\n';
const SERVERS_BEGIN = '<!-- servers: made by scripts/docs-exchanges.mjs -->\n';
const END = '<!-- end -->';
const DIALECTS_BEGIN = '<!-- dialects: made by scripts/docs-exchanges.mjs -->\n';

/** The page with the tables of these rows in the place of its own; without dialects the table of them stays as it is. */
export function exchangesPage(page, rows, dialects, servers) {
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
  const withProven = put(page, BEGIN, table);
  const withDialects =
    dialects === undefined ? withProven : put(withProven, DIALECTS_BEGIN, dialectTable(dialects));
  return servers === undefined ? withDialects : put(withDialects, SERVERS_BEGIN, serverTable(servers));
}

function put(page, begin, table) {
  const from = page.indexOf(begin);
  const to = page.indexOf(END, from);
  if (from < 0 || to < from) throw new Error('docs/exchanges.md has lost the marks of its tables');
  return page.slice(0, from + begin.length) + table + page.slice(to);
}

const FORMS = {
  plain: 'as the box gives them',
  compact: 'letters and digits',
  hex: '32 hexadecimal digits',
};

/** What is known of each exchange, and which of it nothing has confirmed yet. */
function dialectTable(dialects) {
  const lines = dialects.map((dialect) =>
    [
      dialect.title,
      dialect.ccxtIds.map((id) => `\`${id}\``).join(', '),
      FORMS[dialect.ids.form],
      `${dialect.acceptedForMs / 1000} s`,
      dialect.credentials.map(({ name }) => `\`${name}\``).join(', '),
      dialect.keyRights === null ? 'no' : 'yes',
      dialect.sandbox === null ? 'no' : 'yes',
      dialect.ledgerDecimals === 'market' ? 'by market' : String(dialect.ledgerDecimals),
      dialect.feeCurrencies.join(', ') || '–',
      dialect.unverified.join(', ') || '–',
    ].join(' | '),
  );
  return [
    '| exchange | ccxt id | client order ids | a late create may still be accepted for | credentials | reports the permissions of a key | test network | decimals of its ledger | fees also in | not verified |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...lines.map((line) => `| ${line} |`),
    '',
  ].join('\n');
}

/** How much of what each dialect server does something confirms, and what nothing does. */
function serverTable(servers) {
  const lines = Object.entries(servers).map(([id, { title, rules }]) => {
    const open = rules.filter(({ source }) => source === null);
    return `| ${title} | \`${id}\` | ${rules.length} | ${open.length} | ${open.map(({ rule }) => rule).join(' ') || '–'} |`;
  });
  return [
    '| server | `--dialect` | rules | without a source | which |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

if (isRun(import.meta.url)) {
  readOptions(import.meta.url);
  const file = fileURLToPath(new URL('../docs/exchanges.md', import.meta.url));
  const { PROVEN_EXCHANGES } = await import('../dist/config/proven-exchanges.js');
  const { DIALECTS } = await import('../dist/adapters/ccxt/dialects/table.js');
  const servers = await import('../dist/simulator/dialects/registry.js');
  writeFileSync(
    file,
    exchangesPage(readFileSync(file, 'utf8'), PROVEN_EXCHANGES, DIALECTS, servers.DIALECTS),
  );
}
