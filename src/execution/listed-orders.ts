import { decimal, text } from '../core/money.js';
import type { Fill, OrderReport, OrderRequest } from '../core/order.js';

/** An average is a quotient and may go on forever; what is stored of it has the places of a stored figure. */
export function averageOf(report: OrderReport | undefined): string | null {
  const average = report?.averagePrice ?? null;
  return average === null ? null : text(decimal(average).round(18));
}

/** A list may hold a fill twice. */
export function uniqueFills(fills: readonly Fill[]): readonly Fill[] {
  return [...new Map(fills.map((fill) => [fill.fillId, fill])).values()];
}

/** The order that a report must belong to, where the store has lost it. */
export function adoptOrder(report: OrderReport, exchange: string, barOpenMs: number): OrderRequest {
  return {
    clientOrderId: report.clientOrderId,
    exchange,
    symbol: report.symbol,
    side: report.side,
    type: report.protective === true ? 'stop' : 'market',
    amount: report.amount,
    ...(report.protective === true &&
      report.triggerPrice !== undefined && { triggerPrice: report.triggerPrice }),
    barOpenMs,
    decisionPrice: Number(report.averagePrice ?? 0),
    reducing: report.protective === true,
  };
}
