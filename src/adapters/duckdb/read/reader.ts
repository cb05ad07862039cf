import type { Candle } from '../../../core/candle.js';
import { type CandleColumns, type StreamKey, streamName } from '../../../core/candle.js';
import { invariant } from '../../../core/errors.js';
import { withFeePrices } from '../../../core/fee-price.js';
import { FINAL_STATUSES, type Fill } from '../../../core/order.js';
import type {
  BarRecord,
  KnownCandles,
  RestoredState,
  RowFilter,
  StoredPrediction,
} from '../../../core/records.js';
import { rebasedAccount } from '../../store-rules/account-rules.js';
import { RESTORED_PREDICTIONS } from '../../store-rules/bar-rules.js';
import { type Cell, integer, type Session, text } from '../open/session.js';
import { rebaseOf } from '../write/audit-log.js';
import { accountOf, barRecordOf, candleOf, heldOf, keyCells, predictionOf } from '../write/bar-columns.js';
import { flowOf } from '../write/flow-log.js';
import { fillOf, orderEventOf } from '../write/money-log.js';
import { booleanOrNull, doublesOrNull, numberOf, streamOf } from '../write/rows.js';

const KEY = '(exchange, symbol, timeframe, open_ms)';
const FINAL = FINAL_STATUSES.map((status) => `'${status}'`).join(', ');

/** WHERE clause and its cells for rows of `alias`. */
function where(filter: RowFilter, alias: string): { readonly sql: string; readonly cells: readonly Cell[] } {
  const parts: string[] = [];
  const cells: Cell[] = [];
  const add = (condition: string, cell: Cell) => {
    cells.push(cell);
    parts.push(`${alias}.${condition} $${cells.length}`);
  };
  if (filter.stream) {
    add('exchange =', text(filter.stream.exchange));
    add('symbol =', text(filter.stream.symbol));
    add('timeframe =', text(filter.stream.timeframe));
  }
  if (filter.fromMs !== undefined) add('open_ms >=', integer(filter.fromMs));
  if (filter.toMs !== undefined) add('open_ms <', integer(filter.toMs));
  return { sql: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, cells };
}

export function spanOf(stream: StreamKey, fromMs: number | undefined, toMs: number | undefined): RowFilter {
  return {
    stream,
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  };
}

export async function readDecisions(session: Session, filter: RowFilter): Promise<readonly BarRecord[]> {
  const { sql, cells } = where(filter, 'd');
  const rows = await session.rows(
    `SELECT d.*, c.open, c.high, c.low, c.close, c.volume, c.available_at_ms
       FROM decisions d JOIN candles c USING ${KEY} ${sql} ORDER BY d.open_ms, d.rowid`,
    cells,
  );
  return rows.map(barRecordOf);
}

export async function readPredictions(
  session: Session,
  filter: RowFilter,
): Promise<readonly StoredPrediction[]> {
  const { sql, cells } = where(filter, 'd');
  const rows = await session.rows(
    `SELECT exchange, symbol, timeframe, open_ms, features, probability_up, probability_up_calibrated, model_hash, o.up
       FROM decisions d LEFT JOIN outcomes o USING ${KEY}
       ${sql} ${sql === '' ? 'WHERE' : 'AND'} d.model_hash IS NOT NULL ORDER BY d.open_ms, d.rowid`,
    cells,
  );
  return rows.map((row) => {
    const prediction = predictionOf(row);
    invariant(prediction !== null, 'a prediction without a model');
    return {
      ...prediction,
      stream: streamOf(row),
      features: doublesOrNull(row, 'features'),
      up: booleanOrNull(row, 'up'),
    };
  });
}

export async function readCandles(session: Session, filter: RowFilter): Promise<CandleColumns> {
  const { sql, cells } = where(filter, 'c');
  const [openMs, open, high, low, close, volume] = (await session.doubleColumns(
    `SELECT open_ms::DOUBLE, open, high, low, close, volume FROM candles c ${sql} ORDER BY open_ms`,
    cells,
    6,
  )) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  return { length: openMs.length, openMs, open, high, low, close, volume };
}

export async function readKnownCandles(session: Session, filter: RowFilter): Promise<KnownCandles> {
  const { sql, cells } = where(filter, 'c');
  const columns = await session.doubleColumns(
    `SELECT open_ms::DOUBLE, open, high, low, close, volume, available_at_ms::DOUBLE FROM candles c ${sql} ORDER BY open_ms`,
    cells,
    7,
  );
  const [openMs, open, high, low, close, volume, availableAtMs] = columns as unknown as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return { length: openMs.length, openMs, open, high, low, close, volume, availableAtMs };
}

export async function readLastCandles(
  session: Session,
  stream: StreamKey,
  count: number,
): Promise<readonly Candle[]> {
  const rows = await session.rows(
    `SELECT open_ms, open, high, low, close, volume FROM candles
       WHERE exchange = $1 AND symbol = $2 AND timeframe = $3 ORDER BY open_ms DESC LIMIT $4::BIGINT`,
    [...keyCells(stream), integer(count)],
  );
  return rows.map(candleOf).reverse();
}

/** Fills, those with fees in a third currency valued as far as candles tell. */
export async function readFills(
  session: Session,
  which: 'ORDER BY at_ms, seq' | 'WHERE NOT reported ORDER BY seq',
): Promise<readonly Fill[]> {
  const rows = await session.rows(`SELECT * FROM fills ${which}`);
  return withFeePrices(rows.map(fillOf), async (exchange, symbol) => {
    const closes = await session.rows(
      `SELECT open_ms // 86400000 AS day, arg_max(close, open_ms) AS close FROM candles
         WHERE exchange = $1 AND symbol = $2 GROUP BY day`,
      [text(exchange), text(symbol)],
    );
    return new Map(closes.map((row) => [numberOf(row, 'day'), numberOf(row, 'close')]));
  });
}

/** See `Store.restore`. An order is open while none of its events has a final status. */
export async function readRestoredState(session: Session): Promise<RestoredState> {
  const [account] = await session.rows(
    `SELECT COLUMNS('^account_.*') FROM decisions WHERE account_at_ms IS NOT NULL ORDER BY rowid DESC LIMIT 1`,
  );
  const [rebase] = await session.rows('SELECT * FROM peak_rebases ORDER BY seq DESC LIMIT 1');
  const flows = await session.rows('SELECT * FROM capital_flows ORDER BY seq');
  const acted = await session.rows(
    `SELECT exchange, symbol, timeframe, max(open_ms) AS newest FROM
       (SELECT exchange, symbol, timeframe, open_ms FROM decisions WHERE risk_side IS NOT NULL UNION ALL FROM replayed_bars)
       GROUP BY exchange, symbol, timeframe ORDER BY exchange, symbol, timeframe`,
  );
  const held = await session.rows(
    `SELECT exchange, symbol, timeframe, signal_held_units, signal_held_since_ms FROM decisions WHERE decided
       QUALIFY row_number() OVER (PARTITION BY exchange, symbol, timeframe ORDER BY open_ms DESC) = 1`,
  );
  const open = await session.rows(
    `SELECT * FROM order_events
       QUALIFY row_number() OVER (PARTITION BY client_order_id ORDER BY seq DESC) = 1
           AND NOT bool_or(status IN (${FINAL})) OVER (PARTITION BY client_order_id)
       ORDER BY seq`,
  );
  const outcomes = await session.rows(
    `WITH last_predictions AS (
       SELECT exchange, symbol, timeframe, open_ms, probability_up, rowid AS row_no FROM decisions
         WHERE model_hash IS NOT NULL
         QUALIFY row_number() OVER (PARTITION BY exchange, symbol, timeframe ORDER BY open_ms DESC) <= ${RESTORED_PREDICTIONS}
     )
     SELECT exchange, symbol, timeframe, open_ms, probability_up, o.up
       FROM last_predictions p LEFT JOIN outcomes o USING ${KEY} ORDER BY p.open_ms, p.row_no`,
  );
  return {
    account: rebasedAccount(account ? accountOf(account) : null, rebase && rebaseOf(rebase)),
    fills: await readFills(session, 'ORDER BY at_ms, seq'),
    unreportedFills: await readFills(session, 'WHERE NOT reported ORDER BY seq'),
    flows: flows.map(flowOf),
    lastActedBarMs: Object.fromEntries(
      acted.map((row) => [streamName(streamOf(row)), numberOf(row, 'newest')]),
    ),
    holdings: Object.fromEntries(
      held.flatMap((row) => {
        const holding = heldOf(row);
        return holding === null ? [] : [[streamName(streamOf(row)), holding]];
      }),
    ),
    openOrders: open.map(orderEventOf),
    outcomes: outcomes.map((row) => ({
      stream: streamName(streamOf(row)),
      openMs: numberOf(row, 'open_ms'),
      probabilityUp: numberOf(row, 'probability_up'),
      up: booleanOrNull(row, 'up'),
    })),
  };
}
