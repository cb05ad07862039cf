import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { exchangesPage } from '../../scripts/docs-exchanges.mjs';
import { DIALECTS } from '../../src/adapters/ccxt/dialects/table.js';
import { PROVEN_EXCHANGES } from '../../src/config/proven-exchanges.js';
import { DIALECTS as SERVERS } from '../../src/simulator/dialects/registry.js';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const page = read('docs/exchanges.md');

it('shows what is proven (else: npm run build && node scripts/docs-exchanges.mjs)', () => {
  expect(exchangesPage(page, PROVEN_EXCHANGES, DIALECTS, SERVERS)).toBe(page);
});

it('names every code by which real money is refused, and no other', () => {
  const sources = [
    'config/live-blockers',
    'trader/earned-live',
    'trader/live-keys',
    'adapters/ccxt/market-blockers',
  ];
  const codes = sources.flatMap((file) => read(`src/${file}.ts`).match(/\bE_[A-Z_]+[A-Z]\b/g) ?? []);
  const table = page.slice(page.indexOf('| code |'), page.indexOf('**A position'));
  expect([...new Set(table.match(/\bE_[A-Z_]+[A-Z]\b/g))].sort()).toEqual([...new Set(codes)].sort());
});
