import { escapeHtml } from './format.js';
import { section } from './page-tables.js';

/** Terms that the page uses, each with the sentence that opens it in docs/glossary.md; a test holds the two together. */
const REPORT_TERMS: readonly (readonly [term: string, sentence: string])[] = [
  [
    'AUC',
    'How well a model ranks: the chance that it gave a bar that rose a higher probability than one that fell; 0.5 is chance.',
  ],
  ['Basis point', 'A hundredth of a percent: 25 basis points (bps) of 10,000 USDT are 25 USDT.'],
  [
    'Calibration',
    'Whether probabilities mean what they say: of the bars that were called 60 % likely to rise, about 60 % should have risen.',
  ],
  ['Confidence', 'How far a probability is from undecided, from 0 to 1: twice its distance from 0.5.'],
  ['Drawdown', 'How far the account is below its highest value so far, as a share of that value.'],
  [
    'Profit factor',
    'The sum of all winning trades divided by the sum of all losing ones; above 1 it made money.',
  ],
  ['PSI', 'Population stability index: how far a feature’s values have moved from the training data.'],
  ['Sharpe ratio', 'Mean return divided by its fluctuation, for a year.'],
  ['Slippage', 'How much worse a fill was than the price it was decided on, usually in basis points.'],
  [
    'Turnover',
    'The value of all fills divided by the mean value of the account; each unit of it costs fees and slippage once.',
  ],
];

/** What the figures mean, at the end of the page: it is read where there may be no network and no manual. */
export function termsList(): string {
  const items = REPORT_TERMS.map(
    ([term, sentence]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(sentence)}</dd>`,
  );
  return `<div id="terms">${section('Terms', `<dl class="terms">${items.join('')}</dl><p class="about">More in docs/glossary.md.</p>`)}</div>`;
}
