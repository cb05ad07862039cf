import { withFeePrices } from '../../core/fee-price.js';
import { decimal, text } from '../../core/money.js';
import type { Side } from '../../core/order.js';
import { parseRunSettings } from '../../pipeline/decision-settings.js';
import type { TracedFill } from './slippage-figures.js';

/** All rows of a SELECT as JSON has them: whole numbers beyond 2^53 and decimals as text. */
export type AskRows = (sql: string) => Promise<readonly (readonly unknown[])[]>;

/**
 * Asks page by page. The SELECT must end in an order that does not change while rows are added; a page that is not full is the
 * last one.
 */
export function pagedRows(
  page: (sql: string, rowsMax: number) => Promise<{ readonly rows: readonly (readonly unknown[])[] }>,
  rowsMax: number,
): AskRows {
  return async (sql) => {
    const rows: (readonly unknown[])[] = [];
    for (;;) {
      const answer = await page(`${sql} LIMIT ${rowsMax} OFFSET ${rows.length}`, rowsMax);
      rows.push(...answer.rows);
      if (answer.rows.length < rowsMax) return rows;
    }
  };
}

/**
 * An order's bar is looked up among the decisions for the quote it was decided with. A decision of another timeframe may lie
 * at the same time: one whose side is the order's is taken.
 */
const FILLS = `
  WITH valued AS (
    -- A file of an earlier version has no such column.
    SELECT NULL::DECIMAL(38, 18) AS fee_price WHERE false UNION ALL BY NAME SELECT * FROM fills
  ), ordered AS (
    SELECT client_order_id, any_value(decision_price) AS decision_price, any_value(bar_open_ms) AS bar_open_ms
    FROM order_events GROUP BY client_order_id
  ), quoted AS (
    SELECT coalesce(input_exchange, exchange) AS exchange, symbol, open_ms, risk_side, any_value(input_bid) AS bid,
      any_value(input_ask) AS ask
    FROM decisions WHERE risk_side IS NOT NULL GROUP BY ALL
  )
  SELECT f.fill_id, f.client_order_id, f.exchange, f.symbol, f.side, f.price, f.amount, f.fee, f.fee_currency, f.at_ms,
         o.decision_price, CASE f.side WHEN 'buy' THEN q.ask ELSE q.bid END, f.fee_price
  FROM valued f LEFT JOIN ordered o USING (client_order_id)
  LEFT JOIN quoted q ON q.exchange = f.exchange AND q.symbol = f.symbol AND q.open_ms = o.bar_open_ms
    AND q.risk_side = f.side
  ORDER BY f.seq`;

/** All fills of the store, by time, each with the prices it is held against. */
export async function storedFills(ask: AskRows): Promise<readonly TracedFill[]> {
  const rows = await ask(FILLS);
  const fills = rows.map((row): TracedFill => {
    const [fillId, clientOrderId, exchange, symbol, side, price, amount, fee, feeCurrency, atMs] =
      row.map(String);
    return {
      fillId: fillId!,
      clientOrderId: clientOrderId!,
      exchange: exchange!,
      symbol: symbol!,
      side: side as Side,
      // Stored with all their places: 100.500000000000000000 is 100.5.
      price: text(decimal(price!)),
      amount: text(decimal(amount!)),
      fee: text(decimal(fee!)),
      feeCurrency: feeCurrency!,
      ...(row[12] !== null && { feePrice: text(decimal(String(row[12]))) }),
      atMs: Number(atMs),
      decisionPrice: numberOrNull(row[10]),
      arrivalPrice: numberOrNull(row[11]),
    };
  });
  // A fill may have come late: it was written down after newer ones, and counts before them as it does for the trader.
  fills.sort((a, b) => a.atMs - b.atMs);
  const valued = await withFeePrices(fills, async (exchange, symbol) => {
    const closes = await ask(
      `SELECT open_ms // 86400000 AS day, arg_max(close, open_ms) FROM candles
       WHERE exchange = ${quoted(exchange)} AND symbol = ${quoted(symbol)} GROUP BY day ORDER BY day`,
    );
    return new Map(closes.map(([day, close]) => [Number(day), Number(close)]));
  });
  return fills.map((fill, i) => ({ ...fill, ...valued[i]! }));
}

/** Text as SQL has it. */
export const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;

/** Least step of an amount, by `exchange:symbol`, as the newest run that traded it knew it. */
export async function storedAmountSteps(ask: AskRows): Promise<ReadonlyMap<string, string>> {
  return amountStepsOf(
    (await ask('SELECT settings FROM runs ORDER BY seq')).map(([settings]) => String(settings)),
  );
}

/** The same of the settings of all runs, oldest first. */
export function amountStepsOf(settings: readonly string[]): ReadonlyMap<string, string> {
  const steps = new Map<string, string>();
  for (const each of settings) {
    for (const { key, rules } of parseRunSettings(each).streams)
      steps.set(`${key.exchange}:${key.symbol}`, rules.amountStep);
  }
  return steps;
}

const numberOrNull = (value: unknown) => (value === null || value === undefined ? null : Number(value));
