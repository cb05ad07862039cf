import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fault } from '../core/errors.js';

/** The history that the demo trades when it is given none. */
export interface MarketHistory {
  readonly file: string;
  readonly symbol: string;
  readonly title: string;
}

/** The S&P 500's daily candles 2000 to 2020, as the development package vega-datasets (BSD-3-Clause) carries them. */
export function sp500History(): MarketHistory {
  const entry = (() => {
    try {
      return createRequire(import.meta.url).resolve('vega-datasets');
    } catch {
      return undefined;
    }
  })();
  const file = entry && path.resolve(path.dirname(entry), '..', 'data', 'sp500-2000.csv');
  if (file === undefined || !existsSync(file)) {
    throw fault(
      'E_DEMO_HISTORY',
      'the demo’s own history (vega-datasets) is not installed',
      'run npm ci in a checkout, or give a file with --candles FILE',
    );
  }
  return { file, symbol: 'SPX/USD', title: 'S&P 500, daily' };
}
