import type { ProvenExchange } from '../src/config/proven-exchanges.js';

export function exchangesPage(page: string, rows: readonly ProvenExchange[]): string;
