import { number, percent } from './format.js';
import { type Column, htmlTable, none, section } from './page-tables.js';
import type { ReportInstrument } from './report-data.js';
import type { SlippageFigures } from './slippage-figures.js';

/** PSI limits in common use: below the first nothing has moved, above the second the model is out of its depth. */
const PSI_SOME = 0.1;
const PSI_MUCH = 0.25;

/** AUC, reliability and drift of each instrument whose model's quality is known. */
export function qualityTables(instruments: readonly ReportInstrument[]): string {
  return instruments
    .flatMap(({ quality, stream }) => {
      if (!quality) return [];
      const of = instruments.length > 1 ? `, ${stream.symbol}` : '';
      const { auc, reliability, psi } = quality;
      const words =
        auc === null
          ? 'No AUC: the outcomes are of one class only.'
          : `AUC over the whole run ${number(auc.auc, 3)}${auc.interval === null ? '' : ` (95 %: ${number(auc.interval.low, 3)} to ${number(auc.interval.high, 3)}, DeLong)`}, ${number(auc.rows, 0)} predictions; 0.5 is chance.`;
      const steps = reliability.map((bin) => [
        `${number(bin.from, 1)} – ${number(bin.to, 1)}`,
        number(bin.rows, 0),
        percent(bin.meanProbability),
        percent(bin.upShare),
        `${percent(bin.low, 0)} – ${percent(bin.high, 0)}`,
      ]);
      const drift = [...psi]
        .sort((a, b) => b.psi - a.psi)
        .map(({ feature, psi: value }) => [
          feature,
          number(value, 3),
          value > PSI_MUCH ? 'much' : value > PSI_SOME ? 'some' : 'little',
        ]);
      return [
        section(
          `Calibration${of}`,
          `<p class="about">${words}</p>${steps.length > 0 ? htmlTable(RELIABILITY_COLUMNS, steps) : none('No prediction was resolved.')}`,
        ),
        ...(drift.length > 0
          ? [section(`Drift of the features (PSI)${of}`, htmlTable(DRIFT_COLUMNS, drift))]
          : []),
      ];
    })
    .join('\n');
}

const RELIABILITY_COLUMNS: readonly Column[] = [
  { title: 'Step', form: 't' },
  { title: 'Bars', form: 'n' },
  { title: 'Said up', form: 'n' },
  { title: 'Went up', form: 'n' },
  { title: '95 %', form: 'n' },
];

const DRIFT_COLUMNS: readonly Column[] = [
  { title: 'Feature', form: 't' },
  { title: 'PSI', form: 'n' },
  { title: 'Moved', form: '' },
];

/** How the fills compare with the closes that were decided on. */
export function slippageTable(slippage: SlippageFigures | null, currency: string): string {
  if (slippage === null) return section('Slippage', none('No fill to measure.'));
  const columns: Column[] = [
    { title: '', form: '' },
    { title: '', form: 'n' },
  ];
  return section(
    'Slippage',
    htmlTable(columns, [
      ['Mean, by notional (bps)', number(slippage.meanBps, 2)],
      ['Median (bps)', number(slippage.medianBps, 2)],
      ['Worst (bps)', number(slippage.worstBps, 2)],
      [`Cost (${currency})`, number(Number(slippage.cost), 2)],
      ['Fills measured', number(slippage.fills, 0)],
    ]),
  );
}
