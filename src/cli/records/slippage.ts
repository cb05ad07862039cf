import { defineCommand } from '../../console/command.js';
import { day, symbol } from '../../console/option-values.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import { decimal } from '../../core/money.js';
import { type SlippageGroup, slippageBy, type TracedFill } from '../../research/report/slippage-figures.js';
import { storedFills } from '../../research/report/stored-fills.js';
import { withStoredRows } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'slippage',
  summary: 'print how far the fills were from the prices decided on',
  about: `Compares each stored fill with the close that was decided on and with the
quote of the decision (arrival: the ask for a buy, the bid for a sale), by
exchange, symbol and hour. In basis points, weighted by notional; more is worse,
below zero is better than that price. Asks the trader if it runs,
otherwise opens the file.`,
  options: {
    symbol: { value: 'SYMBOL', help: 'only fills of this symbol', read: symbol },
    since: { value: 'DAY', help: 'fills from that UTC day on, as in 2024-01-31', read: day },
    until: { value: 'DAY', help: 'fills before that UTC day', read: day },
    json: { help: 'all figures as one JSON object, costs to the last decimal' },
    ...ADDRESS_OPTIONS,
  },
  async run(values, io) {
    const fromMs = values.since ?? Number.NEGATIVE_INFINITY;
    const toMs = values.until ?? Number.POSITIVE_INFINITY;
    const all = await withStoredRows(addressOf(values), storedFills);
    const fills = all.filter(
      ({ symbol, atMs }) => (values.symbol ?? symbol) === symbol && atMs >= fromMs && atMs < toMs,
    );
    const sorted = (keyOf: (fill: TracedFill) => string) =>
      [...slippageBy(fills, keyOf)].sort((a, b) => (a.key < b.key ? -1 : 1));
    const [total] = slippageBy(fills, () => 'all');
    const groups = {
      exchange: sorted(({ exchange }) => exchange),
      symbol: sorted(({ exchange, symbol }) => `${exchange} ${symbol}`),
      hour: sorted(({ atMs }) => hourOf(atMs)),
    };
    if (values.json) {
      const { exchange, symbol, hour } = groups;
      io.stdout.write(
        `${JSON.stringify({ total: total ?? null, byExchange: exchange, bySymbol: symbol, byHour: hour })}\n`,
      );
    } else if (total === undefined) io.stdout.write('no fill to measure\n');
    else {
      const parts = Object.entries(groups).map(([name, of]) =>
        tableOf(name === 'hour' ? 'hour (UTC)' : name, of),
      );
      io.stdout.write([...parts, tableOf('together', [total])].join('\n'));
    }
    return EXIT.fine;
  },
});

/** `00` to `23`, UTC. */
const hourOf = (ms: number) => new Date(ms).toISOString().slice(11, 13);

function tableOf(name: string, groups: readonly SlippageGroup[]): string {
  const bps = (value: number | undefined) => (value === undefined ? '' : value.toFixed(2));
  const rows = groups.map(({ key, fills, decision, arrival }) => [
    key,
    String(fills),
    bps(decision?.meanBps),
    bps(decision?.medianBps),
    bps(decision?.worstBps),
    bps(arrival?.meanBps),
    decision === null ? '' : decimal(decision.cost).toFixed(2),
  ]);
  const head = [name, 'fills', 'mean bps', 'median', 'worst', 'arrival', 'cost'];
  return table([head, ...rows], [1, 2, 3, 4, 5, 6]);
}
