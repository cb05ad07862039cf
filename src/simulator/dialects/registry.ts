import type { DialectKind } from '../dialect.js';
import { binance } from './binance/binance.js';
import { kraken } from './kraken/kraken.js';

/** Exchanges that the simulator can stand in for, by ccxt's id. */
export const DIALECTS = { binance, kraken } as const satisfies Record<string, DialectKind>;

export type DialectId = keyof typeof DIALECTS;
