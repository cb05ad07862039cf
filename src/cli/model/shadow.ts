import { defineVerb } from '../../console/command.js';
import type { OptionTable } from '../../console/option-table.js';
import { day } from '../../console/option-values.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import { type ShadowFigures, shadowFigures } from '../../research/report/shadow-figures.js';
import { withStoredRows } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const SHADOW_OPTIONS = {
  ...ADDRESS_OPTIONS,
  since: {
    value: 'DAY',
    help: 'shadow: from that UTC day on, as in 2024-01-31',
    default: '1970-01-01',
    otherwise: 'all',
    read: day,
  },
  json: { help: 'the answer as JSON' },
} as const satisfies OptionTable;

/** How the recorded shadow model would have done beside the one that decided. */
export const modelShadow = defineVerb({
  options: SHADOW_OPTIONS,
  async run(values, io) {
    const pairs = await withStoredRows(addressOf(values), (ask) => shadowFigures(ask, values.since));
    if (values.json) io.stdout.write(`${JSON.stringify(pairs)}\n`);
    else if (pairs.length === 0)
      io.stdout.write('no bar has been answered by a shadow model; name one as shadowModelDir\n');
    else io.stdout.write(pairs.map(page).join('\n'));
    return EXIT.fine;
  },
});

const figure = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(4));
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

function page(pair: ShadowFigures): string {
  const { difference } = pair;
  const title = `${pair.bars} bars, ${dayOf(pair.fromMs)} to ${dayOf(pair.toMs)}, outcome known of ${pair.resolved}\n`;
  const rows = table(
    [
      ['', 'shadow', 'decided'],
      ['model', pair.shadow.slice(0, 8), pair.decided.slice(0, 8)],
      ['AUC', figure(pair.shadowAuc), figure(pair.decidedAuc)],
      ['Brier', figure(pair.shadowBrier), figure(pair.decidedBrier)],
    ],
    [1, 2],
  );
  return `${title}${rows}same side on ${(pair.agreement * 100).toFixed(1)} % of the bars; AUC ${
    difference === null
      ? 'cannot be compared yet'
      : `difference ${figure(difference.difference)}, by chance p ${figure(difference.pGreater)}`
  }\n`;
}
