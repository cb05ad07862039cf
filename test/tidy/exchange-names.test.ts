import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DIALECTS } from '../../src/adapters/ccxt/dialects/table.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Where an exchange may be named, and why. */
const MAY_NAME = [
  // What is known of each.
  'src/adapters/ccxt/dialects/',
  // Domains, made from ccxt's addresses.
  'src/adapters/ccxt/exchange-hosts.ts',
  // The other end of the wire, and the command that starts it.
  'src/simulator/',
  'src/cli/run/simulate-exchange.ts',
  'src/cli/research/simulate-exchange.ts',
  // What is proven, and the default of `exchange.id`.
  'src/config/proven-exchanges.ts',
  'src/config/schema.ts',
  // Whose form of a file it is.
  'src/research/candles/',
  // What the demo plays.
  'src/demo/',
];

function filesBelow(dir: string): string[] {
  return readdirSync(path.join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const inner = path.posix.join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(inner);
    return inner.endsWith('.ts') ? [inner] : [];
  });
}

/** Short names that are words of the language too are looked for as text in quotes alone. */
const WORDS = new Set(['gate', 'extended', 'woo']);
const NAMES = [...new Set(DIALECTS.flatMap(({ ccxtIds }) => ccxtIds))];
const NAMED = new RegExp(NAMES.map((name) => (WORDS.has(name) ? `['"]${name}['"]` : name)).join('|'), 'i');
/** Examples of what an owner writes: text in which the name stands in quotes after "as in", or in a credential's name. */
const EXAMPLE = /as in .*(binance|kraken|okx)|or what .*|binance-api-key|otherwise: .*binance/i;

describe('an exchange', () => {
  it('is known by its name in its dialect alone', () => {
    const found = filesBelow('src')
      .filter((file) => !MAY_NAME.some((allowed) => file.startsWith(allowed)))
      .flatMap((file) =>
        readFileSync(path.join(root, file), 'utf8')
          .split('\n')
          .map((line, i) => ({ line, place: `${file}:${i + 1}` }))
          .filter(
            ({ line }) => NAMED.test(line.replaceAll('setMarketsFromExchange', '')) && !EXAMPLE.test(line),
          )
          .map(({ line, place }) => `${place} ${line.trim()}`),
      );
    expect(found).toEqual([]);
  });

  it('has one dialect', () => {
    const ids = DIALECTS.flatMap(({ ccxtIds }) => ccxtIds);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });
});
