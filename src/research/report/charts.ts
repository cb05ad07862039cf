import { chartPlaces, evenPlaces, thinOut } from './downsample.js';
import { drawdownCurve } from './metrics.js';
import type { ReportData, ReportInstrument } from './report-data.js';

/** One line (or cloud of dots) of a chart, as the page's script reads it. */
export interface ChartSeries {
  readonly label: string;
  /** Names a colour of the page's style sheet: `--line`, `--quiet`, `--price`. */
  readonly color: 'line' | 'quiet' | 'price';
  readonly form: 'line' | 'area' | 'dots';
  /** One value a point; null where there is none. */
  readonly values: readonly (number | null)[];
}

/** One chart, ready to be drawn. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly height: number;
  readonly format: 'money' | 'price' | 'percent' | 'share';
  /** Seconds since 1970, UTC. */
  readonly at: readonly number[];
  readonly series: readonly ChartSeries[];
  /** Level lines with their words. */
  readonly levels: readonly { readonly value: number; readonly label: string }[];
  /** The range of the vertical axis where it is not the data's own. */
  readonly range: readonly [number, number] | null;
  readonly marks: readonly (readonly [atSeconds: number, price: number, entry: 0 | 1])[];
}

/** Markets that get charts of their own. */
export const CHARTED_MAX = 12;
const MARKS_MAX = 6000;
/** Fewer than a screen of the account's own charts, since there may be a dozen of them. */
const PRICE_POINTS_MAX = 4000;
const DOTS_MAX = 4000;
/** Few enough for the line of a noisy figure to stay a line. */
const NOISY_POINTS_MAX = 800;
/** From this ratio of ranges on, the strategy's curve is drawn by itself too. */
const DWARFED = 6;

/** All charts of a report, thinned out to what a screen can show. Empty for an account without a point. */
export function buildCharts(data: ReportData): readonly Chart[] {
  const instruments = chartedInstruments(data);
  return [
    ...instruments.map((instrument, i) => priceChart(instrument, `price-${i}`)),
    ...(data.account.atMs.length > 0 ? accountCharts(data) : []),
    ...instruments.flatMap((instrument, i) => modelCharts(instrument, i, instruments.length > 1)),
  ];
}

/** Of many markets those that were traded most, in their order; more charts than these nobody looks at. */
export function chartedInstruments({ instruments }: ReportData): readonly ReportInstrument[] {
  const drawable = instruments.filter(({ openMs }) => openMs.length > 0);
  if (drawable.length <= CHARTED_MAX) return drawable;
  const chosen = new Set([...drawable].sort((a, b) => b.marks.length - a.marks.length).slice(0, CHARTED_MAX));
  return drawable.filter((instrument) => chosen.has(instrument));
}

function priceChart(instrument: ReportInstrument, id: string): Chart {
  const places = chartPlaces(instrument.close.length, [instrument.close], PRICE_POINTS_MAX);
  const { items, step } = thinOut(instrument.marks, MARKS_MAX);
  return {
    id,
    title: `${instrument.stream.symbol} price`,
    about: `Close of each ${instrument.stream.timeframe} bar, with the fills; where there are many, they are ticks along the bottom, entries below exits.${oneIn(step, 'mark')}`,
    height: 300,
    format: 'price',
    at: seconds(instrument.openMs, places),
    series: [{ label: 'Close', color: 'price', form: 'line', values: picked(instrument.close, places) }],
    levels: [],
    range: null,
    marks: items.map((mark) => [mark.atMs / 1000, mark.price, mark.effect === 'entry' ? 1 : 0]),
  };
}

function accountCharts(data: ReportData): readonly Chart[] {
  const { atMs, equity, buyAndHold, exposure } = data.account;
  const money = { format: 'money', height: 240 } as const;
  const falls = { format: 'percent', height: 170 } as const;
  return [
    ...curveCharts(atMs, equity, buyAndHold, {
      ...money,
      id: 'equity',
      title: 'Equity',
      about: `In ${data.quoteCurrency}, after fees and slippage.`,
      form: 'line',
    }),
    ...curveCharts(atMs, drawdownCurve(equity), buyAndHold && drawdownCurve(buyAndHold), {
      ...falls,
      id: 'drawdown',
      title: 'Drawdown',
      about: 'Fall from the highest equity so far.',
      form: 'area',
    }),
    ...(exposure === undefined ? [] : [exposureChart(atMs, exposure)]),
  ];
}

function exposureChart(atMs: ArrayLike<number>, exposure: ArrayLike<number>): Chart {
  const places = chartPlaces(atMs.length, [exposure]);
  return {
    id: 'exposure',
    title: 'Exposure',
    about: 'Value of all positions as a share of equity, before the bar’s own order.',
    height: 130,
    format: 'percent',
    at: seconds(atMs, places),
    series: [{ label: 'Exposure', color: 'line', form: 'area', values: picked(exposure, places) }],
    levels: [],
    range: null,
    marks: [],
  };
}

/** A curve beside buy-and-hold's; where that one dwarfs it, the curve by itself too. */
function curveCharts(
  atMs: ArrayLike<number>,
  own: ArrayLike<number>,
  held: ArrayLike<number> | null,
  look: Pick<Chart, 'id' | 'title' | 'about' | 'height' | 'format'> & { readonly form: 'line' | 'area' },
): readonly Chart[] {
  const { form, ...rest } = look;
  const chart = (beside: ArrayLike<number> | null): Chart => {
    const places = chartPlaces(atMs.length, beside ? [own, beside] : [own]);
    const strategy: ChartSeries = { label: 'Strategy', color: 'line', form, values: picked(own, places) };
    const benchmark: ChartSeries[] = beside
      ? [{ label: 'Buy and hold', color: 'quiet', form: 'line', values: picked(beside, places) }]
      : [];
    const at = seconds(atMs, places);
    return { ...rest, at, series: [...benchmark, strategy], levels: [], range: null, marks: [] };
  };
  if (held === null || extent(held) < DWARFED * extent(own)) return [chart(held)];
  const alone = {
    id: `${look.id}-alone`,
    title: `${look.title}, close up`,
    about: 'The strategy alone, on its own scale.',
  };
  return [chart(held), { ...chart(null), ...alone }];
}

function extent(values: ArrayLike<number>): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return high - low;
}

/** What the model said and how well; a chart without a single value is left out. */
function modelCharts(instrument: ReportInstrument, i: number, named: boolean): readonly Chart[] {
  const suffix = named ? `, ${instrument.stream.symbol}` : '';
  const { confidence, confidenceThreshold, rollingAuc, rollingAucInterval, aucWindow, aucCritical } =
    instrument;
  const common = { height: 170, format: 'share', marks: [] } as const;
  const confident = evenPlaces(confidence, DOTS_MAX);
  const scored = evenPlaces(rollingAuc, NOISY_POINTS_MAX);
  const bound = (label: string, values: ArrayLike<number>): ChartSeries => ({
    label,
    color: 'quiet',
    form: 'line',
    values: picked(values, scored.places),
  });
  const bounds =
    rollingAucInterval === undefined
      ? []
      : [bound('Low (95 %)', rollingAucInterval.low), bound('High', rollingAucInterval.high)];
  const charts: Chart[] = [
    {
      ...common,
      id: `confidence-${i}`,
      title: `Confidence${suffix}`,
      about: `Distance of each prediction from even odds, 0 to 1. Below the line there is no signal.${oneIn(confident.step, 'dot')}`,
      at: seconds(instrument.openMs, confident.places),
      series: [
        { label: 'Confidence', color: 'line', form: 'dots', values: picked(confidence, confident.places) },
      ],
      levels: [{ value: confidenceThreshold, label: `threshold ${confidenceThreshold}` }],
      range: null,
    },
    {
      ...common,
      id: `auc-${i}`,
      title: `Rolling AUC${suffix}`,
      about: `Of the last ${aucWindow} resolved predictions; 0.5 is chance. Standard error near ${chanceError(aucWindow).toFixed(2)}.${oneIn(scored.step, 'value')}`,
      at: seconds(instrument.openMs, scored.places),
      series: [
        ...bounds,
        { label: 'AUC', color: 'line', form: 'line', values: picked(rollingAuc, scored.places) },
      ],
      levels: [{ value: aucCritical, label: `critical ${aucCritical}` }],
      range: [0, 1],
    },
  ];
  return charts.filter((chart) => chart.at.length > 0);
}

/** Says so where not everything is drawn. */
function oneIn(step: number, what: string): string {
  return step > 1 ? ` One ${what} in ${step} is drawn.` : '';
}

/** Standard deviation of the AUC of n answers by chance, half of them up: √((n + 1)/(3n²)) (Mann & Whitney 1947). */
function chanceError(n: number): number {
  return Math.sqrt((n + 1) / (3 * n * n));
}

function seconds(ms: ArrayLike<number>, places: Uint32Array): number[] {
  return Array.from(places, (i) => ms[i]! / 1000);
}

/** Seven digits are more than a screen shows, and a third of the bytes. */
function picked(values: ArrayLike<number>, places: Uint32Array): (number | null)[] {
  return Array.from(places, (i) => {
    const value = values[i]!;
    return Number.isFinite(value) ? Number(value.toPrecision(7)) : null;
  });
}
