import type { Dialect } from '../src/adapters/ccxt/dialects/dialect.js';
import type { ProvenExchange } from '../src/config/proven-exchanges.js';
import type { DialectKind } from '../src/simulator/dialect.js';

export function exchangesPage(
  page: string,
  rows: readonly ProvenExchange[],
  dialects?: readonly Dialect[],
  servers?: Readonly<Record<string, DialectKind>>,
): string;
