import type { Paths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { badInput } from '../../core/errors.js';
import type { FillAt, FillModel } from '../../research/backtest/backtest-world.js';
import { slippageFigures } from '../../research/report/slippage-figures.js';
import { openHeldStore } from '../../research/studies/held-store.js';

export const FILL_OPTIONS = {
  'half-spread': { type: 'string' },
  'fitted-from': { type: 'string' },
  'book-share': { type: 'string' },
  'fill-at': { type: 'string', default: 'close' },
  'volume-share': { type: 'string' },
} as const;

export const FILL_HELP = `  --half-spread BPS   slippage of each fill (execution.paperSlippageBps)
  --fitted-from STORE slippage as the fills of that database had it on average
  --book-share X      only this share of a bar's volume stands at the best price;
                      larger orders walk the book behind it
  --fill-at WHEN      close: at the close decided on, as on paper; next-open: at
                      the open of the next bar; next-close: a bar later (close)
  --volume-share X    an order takes at most this share of a bar's volume; the
                      rest of it expires`;

/** How a backtest fills, and the same in words for its report. */
export async function fillModelOf(
  values: { readonly [K in keyof typeof FILL_OPTIONS]?: string | undefined },
  config: Config,
  paths: Paths,
): Promise<{ readonly model: FillModel; readonly words: string }> {
  const given = numberOption('half-spread', values['half-spread'], 0, 1000);
  const from = values['fitted-from'];
  if (given !== undefined && from !== undefined)
    throw badInput(
      'E_USAGE',
      'backtest: --half-spread and --fitted-from are both given',
      'state the slippage or have it fitted',
    );
  const fitted = from === undefined ? null : await fittedSlippage(from, paths);
  const halfSpreadBps = fitted?.bps ?? given ?? config.execution.paperSlippageBps;
  const volumeShareMax = numberOption('volume-share', values['volume-share'], 0, 1);
  const bookShare = numberOption('book-share', values['book-share'], 0, 1);
  const fillAt = fillAtOption(values['fill-at'] ?? 'close');
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

/** The value of a numeric option of `backtest` within its bounds; `E_USAGE` otherwise. */
export function numberOption(
  name: string,
  given: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() === '' || !(value >= least && value <= most)) {
    throw badInput(
      'E_USAGE',
      `backtest: --${name} ${JSON.stringify(given)} is not a number from ${least} to ${most}`,
      'see redbutton backtest --help',
    );
  }
  return value;
}

function fillAtOption(given: string): FillAt {
  if (given === 'close' || given === 'next-open' || given === 'next-close') return given;
  throw badInput(
    'E_USAGE',
    `backtest: --fill-at ${JSON.stringify(given)} is none of close, next-open, next-close`,
    'see redbutton backtest --help',
  );
}
