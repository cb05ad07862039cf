import { EXIT } from '../core/errors.js';
import { type Decimal, decimal, text } from '../core/money.js';
import type { Fill } from '../core/order.js';
import { createPortfolio } from '../portfolio/portfolio.js';
import type { ClosedTrade, PositionBook } from '../portfolio/position.js';

import { storedAmountSteps, storedFills } from '../research/stored-fills.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, addressOf } from './box-address.js';
import { type Command, parseOptions } from './command.js';
import { dayOption } from './day-option.js';
import { withStoredRows } from './store-access.js';
import { table } from './terminal.js';
import { wholeNumber } from './whole-number.js';

export const command: Command = {
  name: 'trades',
  summary: 'print the closed trades, their profit and the fees',
  help: `Usage: redbutton trades [OPTION ...]

Prints the trades that the stored fills make up, from flat to flat: profit after
fees, fees by currency, and what is still open. Reckoned in decimals. Goes
through the trader where it runs, else opens the file.

  --symbol SYMBOL only trades of this symbol
  --since DAY     closed from that UTC day on, as in 2024-01-31
  --until DAY     closed before that UTC day
  --last N        print the last N of them; the sums are of all (20)
  --json          all of them and the sums as one JSON object
${ADDRESS_HELP}

Fees in neither base nor quote currency are told by currency and are not in the
profit.
`,
  async run(args, io) {
    const { values } = parseOptions('trades', args, {
      ...ADDRESS_OPTIONS,
      symbol: { type: 'string' },
      since: { type: 'string' },
      until: { type: 'string' },
      last: { type: 'string', default: '20' },
      json: { type: 'boolean' },
    });
    const last = wholeNumber('trades', 'last', values.last, 0, 1_000_000);
    const fromMs = dayOption('trades', 'since', values.since) ?? Number.NEGATIVE_INFINITY;
    const toMs = dayOption('trades', 'until', values.until) ?? Number.POSITIVE_INFINITY;
    const [fills, steps] = await withStoredRows(addressOf('trades', values), async (ask) => [
      await storedFills(ask),
      await storedAmountSteps(ask),
    ]);
    const isMeant = ({ symbol }: { readonly symbol: string }) => (values.symbol ?? symbol) === symbol;
    const portfolio = createPortfolio({
      startCash: '0',
      amountStepOf: (exchange, symbol) => steps.get(`${exchange}:${symbol}`),
    });
    for (const fill of fills) portfolio.apply(fill);
    const trades = portfolio
      .trades()
      .filter((trade) => isMeant(trade) && trade.closedAtMs >= fromMs && trade.closedAtMs < toMs);
    const open = portfolio.books().filter((book) => isMeant(book) && !book.units.eq(0));
    const fees = feesOf(fills.filter((fill) => isMeant(fill) && fill.atMs >= fromMs && fill.atMs < toMs));
    const sums = sumsOf(trades);
    if (values.json) {
      io.stdout.write(
        `${JSON.stringify({ trades: trades.map(tradeJson), ...sums, fees, open: open.map(openJson) })}\n`,
      );
    } else io.stdout.write(page(trades, last, sums, fees, open));
    return EXIT.fine;
  },
};

interface Sums {
  readonly closed: number;
  readonly won: number;
  readonly lost: number;
  /** Quote units after fees: decimal text, exact. */
  readonly profit: string;
}

function sumsOf(trades: readonly ClosedTrade[]): Sums {
  return {
    closed: trades.length,
    won: trades.filter(({ exact }) => exact.profit.gt(0)).length,
    lost: trades.filter(({ exact }) => exact.profit.lt(0)).length,
    profit: text(trades.reduce((total, { exact }) => total.plus(exact.profit), decimal(0))),
  };
}

/** Fees of fills by currency, as decimal text. */
function feesOf(fills: readonly Fill[]): Readonly<Record<string, string>> {
  const byCurrency = new Map<string, Decimal>();
  for (const { feeCurrency, fee } of fills)
    byCurrency.set(feeCurrency, (byCurrency.get(feeCurrency) ?? decimal(0)).plus(fee));
  return Object.fromEntries([...byCurrency].map(([currency, total]) => [currency, text(total)]));
}

const tradeJson = ({ exact, ...trade }: ClosedTrade) => ({
  ...trade,
  entryNotional: text(exact.entryNotional),
  profit: text(exact.profit),
  fees: text(exact.fees),
});

const openJson = ({ exchange, symbol, units, averageEntry }: PositionBook) => ({
  exchange,
  symbol,
  units: text(units),
  averageEntry,
});

function page(
  trades: readonly ClosedTrade[],
  last: number,
  sums: Sums,
  fees: Readonly<Record<string, string>>,
  open: readonly PositionBook[],
): string {
  const shown = last === 0 ? [] : trades.slice(-last);
  const parts: string[] = [];
  for (const exchange of new Set(shown.map((trade) => trade.exchange))) {
    const rows = shown
      .filter((trade) => trade.exchange === exchange)
      .map(({ closedAtMs, symbol, direction, exact, returnFraction }) => [
        minute(closedAtMs),
        symbol,
        direction,
        exact.entryNotional.toFixed(2),
        exact.fees.toFixed(2),
        exact.profit.toFixed(2),
        `${(returnFraction * 100).toFixed(2)} %`,
      ]);
    const head = ['closed (UTC)', 'symbol', 'side', 'paid in', 'fees', 'profit', 'return'];
    parts.push(`${exchange}\n${table([head, ...rows], [3, 4, 5, 6])}`);
  }
  if (open.length > 0) {
    const rows = open.map(({ exchange, symbol, units, averageEntry }) => [
      exchange,
      symbol,
      text(units),
      String(Number(averageEntry.toPrecision(8))),
    ]);
    parts.push(table([['open at', 'symbol', 'units', 'entry'], ...rows], [2, 3]));
  }
  const { closed, won, lost, profit } = sums;
  const feeText = Object.entries(fees).map(([currency, fee]) => `${decimal(fee).toFixed(8)} ${currency}`);
  parts.push(
    table([
      [
        'closed',
        `${closed} (${won} won, ${lost} lost)${shown.length < closed ? `, the last ${last} above` : ''}`,
      ],
      ['profit', `${decimal(profit).toFixed(2)} after fees`],
      ['fees', feeText.length === 0 ? 'none' : feeText.join(', ')],
    ]),
  );
  return parts.join('\n');
}

/** `2024-01-31 12:00` */
const minute = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
