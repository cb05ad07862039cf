import type { DenialReason, Fill, FillId, OrderRequest, OrderStatus, Side } from '../../../core/order.js';
import type { OrderEvent } from '../../../core/records.js';
import { toMoneyUnits } from '../../store-rules/decimal38.js';
import { sinceDenied } from '../../store-rules/earlier-orders.js';
import { fillPlace, orderPlace } from '../../store-rules/money-text.js';
import { boolean, type Cell, double, integer, money, type Row, type Session, text } from '../open/session.js';
import { booleanOf, moneyOf, moneyOrNull, numberOf, textOf, textOrNull, wordOf } from './rows.js';

const FILL_INSERT = `INSERT INTO fills SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
  WHERE NOT EXISTS (FROM fills WHERE exchange = $2 AND symbol = $3 AND fill_id = $4)`;

/** Orders and fills: append-only, in the order they were recorded. */
export class MoneyLog {
  readonly #session: Session;
  #nextEvent: number;
  #nextFill: number;

  constructor(session: Session, nextEvent: number, nextFill: number) {
    this.#session = session;
    this.#nextEvent = nextEvent;
    this.#nextFill = nextFill;
  }

  /** The event, and the fills that came with it, in one transaction. `seq` is the journal's number of it, if it has one. */
  async order(event: OrderEvent, fills: readonly Fill[], seq = this.#nextEvent): Promise<void> {
    const cells = this.#orderCells(event, seq);
    if (fills.length === 0) await this.#session.insert('order_events', cells);
    else await this.#insertFills(fills, () => this.#session.insert('order_events', cells));
    this.#nextEvent = Math.max(this.#nextEvent, seq + 1);
  }

  #orderCells(event: OrderEvent, seq: number): Cell[] {
    const { order } = event;
    const place = orderPlace(event);
    const units = (value: string | null | undefined, what: string) =>
      money(value === null || value === undefined ? null : toMoneyUnits(value, `${place}, ${what}`));
    return [
      integer(seq),
      text(order.clientOrderId),
      text(order.exchange),
      text(order.symbol),
      text(order.side),
      text(order.type),
      units(order.amount, 'amount'),
      units(order.limitPrice, 'limit price'),
      integer(order.barOpenMs),
      double(order.decisionPrice),
      boolean(order.reducing),
      text(event.status),
      text(event.exchangeOrderId),
      units(event.filled, 'filled'),
      units(event.averagePrice, 'average price'),
      text(event.message),
      integer(event.atMs),
      units(order.triggerPrice, 'trigger price'),
      text(event.reason),
    ];
  }

  /** All in one transaction; each fill at most once by exchange, symbol and fill id. */
  fills(fills: readonly Fill[], reported = false): Promise<void> {
    return this.#insertFills(fills, async () => undefined, reported);
  }

  /** The owner has been told of them. */
  async reported(fills: readonly FillId[]): Promise<void> {
    await this.#session.transaction(async () => {
      for (const { exchange, symbol, fillId } of fills)
        await this.#session.run(
          'UPDATE fills SET reported = true WHERE exchange = $1 AND symbol = $2 AND fill_id = $3',
          [text(exchange), text(symbol), text(fillId)],
        );
    });
  }

  async #insertFills(
    fills: readonly Fill[],
    insertMore: () => Promise<void>,
    reported = false,
  ): Promise<void> {
    const rows = fills.map((fill) => {
      const place = fillPlace(fill);
      return [
        text(fill.exchange),
        text(fill.symbol),
        text(fill.fillId),
        text(fill.clientOrderId),
        text(fill.side),
        money(toMoneyUnits(fill.price, `${place}, price`)),
        money(toMoneyUnits(fill.amount, `${place}, amount`)),
        money(toMoneyUnits(fill.fee, `${place}, fee`)),
        text(fill.feeCurrency),
        integer(fill.atMs),
        money(fill.feePrice === undefined ? null : toMoneyUnits(fill.feePrice, `${place}, fee price`)),
        boolean(reported),
      ];
    });
    let next = this.#nextFill;
    await this.#session.transaction(async () => {
      for (const cells of rows) next += await this.#session.run(FILL_INSERT, [integer(next), ...cells]);
      await insertMore();
    });
    this.#nextFill = next;
  }
}

export function fillOf(row: Row): Fill {
  // A file that is only read may be of an earlier version, which had no such column.
  const feePrice = 'fee_price' in row ? moneyOrNull(row, 'fee_price') : null;
  return {
    fillId: textOf(row, 'fill_id'),
    clientOrderId: textOf(row, 'client_order_id'),
    exchange: textOf(row, 'exchange'),
    symbol: textOf(row, 'symbol'),
    side: wordOf<Side>(row, 'side'),
    price: moneyOf(row, 'price'),
    amount: moneyOf(row, 'amount'),
    fee: moneyOf(row, 'fee'),
    feeCurrency: textOf(row, 'fee_currency'),
    ...(feePrice !== null && { feePrice }),
    atMs: numberOf(row, 'at_ms'),
  };
}

export function orderEventOf(row: Row): OrderEvent {
  const limitPrice = moneyOrNull(row, 'limit_price');
  const triggerPrice = moneyOrNull(row, 'trigger_price');
  const order: OrderRequest = {
    clientOrderId: textOf(row, 'client_order_id'),
    exchange: textOf(row, 'exchange'),
    symbol: textOf(row, 'symbol'),
    side: wordOf<Side>(row, 'side'),
    type: wordOf<OrderRequest['type']>(row, 'type'),
    amount: moneyOf(row, 'amount'),
    ...(limitPrice === null ? {} : { limitPrice }),
    ...(triggerPrice === null ? {} : { triggerPrice }),
    barOpenMs: numberOf(row, 'bar_open_ms'),
    decisionPrice: numberOf(row, 'decision_price'),
    reducing: booleanOf(row, 'reducing'),
  };
  const event = {
    order,
    status: wordOf<OrderStatus>(row, 'status'),
    exchangeOrderId: textOrNull(row, 'exchange_order_id'),
    filled: moneyOf(row, 'filled'),
    averagePrice: moneyOrNull(row, 'average_price'),
    message: textOrNull(row, 'message'),
    atMs: numberOf(row, 'at_ms'),
  };
  // A file of an earlier version that is only read has no such column.
  if (row.reason === undefined) return sinceDenied(event);
  return { ...event, reason: textOrNull(row, 'reason') as DenialReason | null };
}
