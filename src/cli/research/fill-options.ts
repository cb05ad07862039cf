import { type OptionTable, type Values, wrongUsage } from '../../console/option-table.js';
import { number } from '../../console/option-values.js';
import type { FillRequest } from '../../research/studies/fill-model.js';

export const FILL_OPTIONS = {
  'half-spread': {
    value: 'BPS',
    help: 'slippage of each fill',
    otherwise: 'execution.paperSlippageBps',
    read: number(0, 1000),
  },
  'fitted-from': {
    value: 'STORE',
    help: 'slippage as the fills of that database had it on average',
    completes: 'file',
  },
  'book-share': {
    value: 'X',
    help: "only this share of a bar's volume stands at the best price; larger orders walk the book behind it",
    read: number(0, 1),
  },
  'fill-at': {
    value: 'WHEN',
    choices: ['close', 'next-open', 'next-close'],
    help: 'close: at the close decided on, as on paper; next-open: at the open of the next bar; next-close: a bar later',
    default: 'close',
  },
  'volume-share': {
    value: 'X',
    help: "an order takes at most this share of a bar's volume; the rest of it expires",
    read: number(0, 1),
  },
} as const satisfies OptionTable;

/** How the options say that a backtest fills. */
export function fillRequest(values: Values<typeof FILL_OPTIONS>): FillRequest {
  const { 'half-spread': halfSpreadBps, 'fitted-from': fittedFrom } = values;
  if (halfSpreadBps !== undefined && fittedFrom !== undefined)
    throw wrongUsage(
      'backtest',
      '--half-spread and --fitted-from are both given',
      'state the slippage or have it fitted',
    );
  return {
    halfSpreadBps,
    fittedFrom,
    fillAt: values['fill-at'],
    bookShare: values['book-share'],
    volumeShareMax: values['volume-share'],
  };
}
