import type { Paths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { type OptionTable, type Values, wrongUsage } from '../../console/option-table.js';
import { number } from '../../console/option-values.js';
import { badInput } from '../../core/errors.js';
import type { FillModel } from '../../research/backtest/backtest-world.js';
import { slippageFigures } from '../../research/report/slippage-figures.js';
import { openHeldStore } from '../../research/studies/held-store.js';

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

/** How a backtest fills, and the same in words for its report. */
export async function fillModelOf(
  values: Values<typeof FILL_OPTIONS>,
  config: Config,
  paths: Paths,
): Promise<{ readonly model: FillModel; readonly words: string }> {
  const { 'half-spread': given, 'fitted-from': from, 'fill-at': fillAt } = values;
  if (given !== undefined && from !== undefined)
    throw wrongUsage(
      'backtest',
      '--half-spread and --fitted-from are both given',
      'state the slippage or have it fitted',
    );
  const fitted = from === undefined ? null : await fittedSlippage(from, paths);
  const halfSpreadBps = fitted?.bps ?? given ?? config.execution.paperSlippageBps;
  const { 'volume-share': volumeShareMax, 'book-share': bookShare } = values;
  const model: FillModel = {
    halfSpreadBps,
    fillAt,
    ...(volumeShareMax === undefined ? {} : { volumeShareMax }),
    ...(bookShare === undefined ? {} : { bookShare }),
  };
  const percent = (share: number) => `${Number((share * 100).toPrecision(6))} %`;
  const words = [
    `${fillAt.replace('-', ' ')} ± ${Number(halfSpreadBps.toPrecision(4))} bps`,
    ...(fitted === null ? [] : [`as ${fitted.fills} own fills had it`]),
    ...(bookShare === undefined ? [] : [`${percent(bookShare)} of a bar's volume at the best price`]),
    ...(volumeShareMax === undefined ? [] : [`at most ${percent(volumeShareMax)} of a bar's volume`]),
  ].join(', ');
  return { model, words };
}

/** Mean slippage of a box's own fills, by notional; 0 where they were better than the closes decided on. */
async function fittedSlippage(
  file: string,
  paths: Paths,
): Promise<{ readonly bps: number; readonly fills: number }> {
  const { store, close } = await openHeldStore(file, paths);
  try {
    const orders = new Map((await store.orderEvents()).map(({ order }) => [order.clientOrderId, order]));
    const figures = slippageFigures(await store.fills(), orders);
    if (figures === null)
      throw badInput(
        'E_NO_FILLS',
        `${file} holds no fill to fit the slippage to`,
        'state it: --half-spread BPS',
      );
    return { bps: Math.max(0, figures.meanBps), fills: figures.fills };
  } finally {
    await close();
  }
}
