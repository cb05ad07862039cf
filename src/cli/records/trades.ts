import { defineCommand } from '../../console/command.js';
import { day, symbol, whole } from '../../console/option-values.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import { decimal, text } from '../../core/money.js';
import type { PositionBook } from '../../portfolio/position.js';
import { replayFills } from '../../portfolio/replay.js';
import { type ClosedTrade, feesPaid, sumsOf, type TradeSums } from '../../portfolio/trade.js';
import { storedAmountSteps, storedFills } from '../../research/report/stored-fills.js';
import { withStoredRows } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'trades',
  summary: 'print the closed trades, their profit and the fees',
  about: `Prints the trades that the stored fills make up, from flat to flat: profit after
fees, fees by currency, and what is still open. Computed in decimals. Asks
the trader if it runs, otherwise opens the file.`,
  options: {
    symbol: { value: 'SYMBOL', help: 'only trades of this symbol', read: symbol },
    since: { value: 'DAY', help: 'closed from that UTC day on, as in 2024-01-31', read: day },
    until: { value: 'DAY', help: 'closed before that UTC day', read: day },
    last: {
      value: 'N',
      help: 'print the last N of them; the sums are of all',
      default: '20',
      read: whole(0, 1_000_000),
    },
    json: { help: 'all of them and the sums as one JSON object' },
    ...ADDRESS_OPTIONS,
  },
  more: `A fee in neither base nor quote currency is deducted from the profit at
that day's price of its currency, if the box knows it.`,
  async run(values, io) {
    const { last, since: fromMs = Number.NEGATIVE_INFINITY, until: toMs = Number.POSITIVE_INFINITY } = values;
    const [fills, steps] = await withStoredRows(addressOf(values), async (ask) => [
      await storedFills(ask),
      await storedAmountSteps(ask),
    ]);
    const isMeant = ({ symbol }: { readonly symbol: string }) => (values.symbol ?? symbol) === symbol;
    const { portfolio } = replayFills(fills, (exchange, symbol) => steps.get(`${exchange}:${symbol}`));
    const trades = portfolio
      .trades()
      .filter((trade) => isMeant(trade) && trade.closedAtMs >= fromMs && trade.closedAtMs < toMs);
    const open = portfolio.books().filter((book) => isMeant(book) && !book.units.eq(0));
    const fees = feesPaid(fills.filter((fill) => isMeant(fill) && fill.atMs >= fromMs && fill.atMs < toMs));
    const sums = sumsOf(trades);
    if (values.json) {
      io.stdout.write(
        `${JSON.stringify({ trades: trades.map(tradeJson), ...sums, fees, open: open.map(openJson) })}\n`,
      );
    } else io.stdout.write(page(trades, last, sums, fees, open));
    return EXIT.fine;
  },
});

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
  sums: TradeSums,
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
