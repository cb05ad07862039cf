import type { CommandIo } from '../../console/io.js';
import { table } from '../../console/terminal.js';
import { EXIT } from '../../core/errors.js';
import { type ShadowFigures, shadowFigures } from '../../research/report/shadow-figures.js';
import { withStoredRows } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { parseOptions } from '../command.js';
import { dayOption } from '../day-option.js';

/** How the recorded shadow model would have done beside the one that decided. */
export async function modelShadow(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseOptions(
    'model',
    args,
    { ...ADDRESS_OPTIONS, since: { type: 'string' }, json: { type: 'boolean' } },
    ['shadow'],
  );
  const fromMs = dayOption('model', 'since', values.since) ?? 0;
  const pairs = await withStoredRows(addressOf('model', values), (ask) => shadowFigures(ask, fromMs));
  if (values.json) io.stdout.write(`${JSON.stringify(pairs)}\n`);
  else if (pairs.length === 0)
    io.stdout.write('no bar has been answered by a shadow model; name one as shadowModelDir\n');
  else io.stdout.write(pairs.map(page).join('\n'));
  return EXIT.fine;
}

const figure = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(4));
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);

function page(pair: ShadowFigures): string {
  const { difference } = pair;
  const title = `${pair.bars} bars, ${day(pair.fromMs)} to ${day(pair.toMs)}, outcome known of ${pair.resolved}\n`;
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
