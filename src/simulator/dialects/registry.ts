import type { DialectKind } from '../dialect.js';
import { binance } from './binance/binance.js';

/** Exchanges that the simulator can stand in for, by ccxt's id. */
export const DIALECTS = { binance } as const satisfies Record<string, DialectKind>;

export type DialectId = keyof typeof DIALECTS;
