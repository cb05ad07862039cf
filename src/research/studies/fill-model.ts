import type { Paths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { badInput } from '../../core/errors.js';
import type { FillAt, FillModel } from '../backtest/backtest-exchange.js';
import { slippageFigures } from '../report/slippage-figures.js';
import { openHeldStore } from './held-store.js';

export interface FillRequest {
  /** Slippage; execution.paperSlippageBps where neither this nor `fittedFrom` is given. */
  readonly halfSpreadBps: number | undefined;
  /** A database whose fills the slippage is fitted to. */
  readonly fittedFrom: string | undefined;
  readonly fillAt: FillAt;
  readonly bookShare: number | undefined;
  readonly volumeShareMax: number | undefined;
}

/** How a backtest fills, and the same in words for its report. */
export async function fillModelOf(
  asked: FillRequest,
  config: Config,
  paths: Paths,
): Promise<{ readonly model: FillModel; readonly words: string }> {
  const { halfSpreadBps: given, fittedFrom: from, fillAt, bookShare, volumeShareMax } = asked;
  const fitted = from === undefined ? null : await fittedSlippage(from, paths);
  const halfSpreadBps = fitted?.bps ?? given ?? config.execution.paperSlippageBps;
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
