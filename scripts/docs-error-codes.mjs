// Writes docs/error-codes.md from the catalogue of error codes. A test holds the committed page to errorCodesPage().
// Usage: node scripts/docs-error-codes.mjs
// Needs `npm run build`.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

const HEAD = `# Error codes

What each code means, and what helps. A command that fails prints its code with a sentence that names the place and the
figures, and a remedy. The log, \`redbutton status\` and the alerts name the same codes.

This page is made from \`src/core/error-catalogue.ts\` by \`scripts/docs-error-codes.mjs\`.
`;

/** The page of the catalogue, as Markdown. */
export function errorCodesPage({ FAILED, BAD_INPUT, LIVE_BLOCKERS, REPORTED }) {
  return `${[
    HEAD,
    part('Wrong usage or bad input: exit code 2', BAD_INPUT),
    part('Live trading is refused: exit code 2', LIVE_BLOCKERS),
    part('A fault of the disk, the network, an exchange or another service: exit code 1', FAILED),
    part('In the log or an answer; no command ends with it', REPORTED),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function part(title, codes) {
  const rows = Object.entries(codes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, text]) => `| \`${code}\` | ${text.replaceAll('|', '\\|')} |`);
  return [`## ${title}\n`, '| code | what it means, and what helps |', '|---|---|', ...rows, ''].join('\n');
}

if (isRun(import.meta.url)) {
  readOptions(import.meta.url);
  writeFileSync(
    fileURLToPath(new URL('../docs/error-codes.md', import.meta.url)),
    errorCodesPage(await import('../dist/core/error-catalogue.js')),
  );
}
