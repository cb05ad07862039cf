import { describe, expect, it } from 'vitest';
import { buildCharts } from '../../src/research/report/charts.js';
import {
  columnFormat,
  duration,
  embeddedJson,
  number,
  percent,
  signedMoney,
  signedPercent,
  time,
  timeFormat,
} from '../../src/research/report/format.js';
import { type ReportData, renderReport } from '../../src/research/report/index.js';
import { reportOf } from '../../src/research/report/run-report.js';
import { BTC, orderEventOf } from '../contract/store-rows.js';
import { sampleReport } from '../support/sample-report.js';

const NONE = new Float64Array(0);
const EMPTY_RUN: Parameters<typeof reportOf>[0] = {
  kind: 'paper',
  instruments: [
    {
      stream: BTC,
      bars: {
        openMs: NONE,
        close: NONE,
        equity: NONE,
        probabilityUp: NONE,
        silent: {},
        denials: { kelly_zero: 3 },
        psi: {},
      },
    },
  ],
  calendar: '24x7',
  fills: [],
  orders: [],
  halts: [],
  quarantinedRows: [],
  horizonBars: 1,
  confidenceThreshold: 0.5,
  aucWindow: 30,
  aucCritical: 0.5,
  startCash: 5000,
  madeAtMs: 0,
  settings: [],
  hashes: [],
  notes: [],
};

const sample = await sampleReport();

describe('orders that did not come to be', () => {
  it('are counted by their reason or status, whatever their message says', () => {
    const order = orderEventOf('o', 'denied', 0).order;
    const ends = [
      ['denied', 'price_collar', 'price_stale: as an earlier text has it'],
      ['denied', 'price_collar', null],
      ['rejected', 'market_closed', 'no_permit: says the exchange'],
      ['rejected', null, 'no_permit: says the exchange'],
      ['never_placed', null, 'no_permit: not found'],
      ['canceled', null, 'no_permit: not found'],
    ] as const;
    const { denials } = reportOf({
      ...EMPTY_RUN,
      orders: ends.map(([status, reason, message]) => ({ order, status, reason, message })),
    });
    expect(denials).toEqual([
      { reason: 'kelly_zero', count: 3 },
      { reason: 'order: price_collar', count: 2 },
      { reason: 'order: market_closed', count: 1 },
      { reason: 'order: rejected', count: 1 },
      { reason: 'order: never_placed', count: 1 },
    ]);
  });
});

describe('the page', () => {
  const html = renderReport(sample);

  it('holds every part', () => {
    for (const words of [
      'SPX/USD price',
      'Equity',
      'Drawdown',
      'Confidence',
      'Rolling AUC',
      'Figures',
      'Denied and rejected orders',
      'already at target',
      'Halts',
      'red button pressed',
      'Trades',
      'conviction expired',
      'Settings',
      'Kelly fraction',
      '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      'do not promise',
    ]) {
      expect(html).toContain(words);
    }
  });

  it('names no other resource', () => {
    expect(html).not.toMatch(/<(?:link|img|iframe|script[^>]+src|base)\b/i);
    expect(html).not.toMatch(/@import|url\(/);
  });

  it('lists the last 500 trades and counts the rest', () => {
    const trade = sample.trades[0]!;
    const many = renderReport({ ...sample, trades: Array(1234).fill(trade) });
    expect(many).toContain('The last 500 of 1,234');
    expect(many.match(/long → conviction expired/g)).toHaveLength(500);
  });

  it('escapes all foreign text', () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'&';
    const instrument = sample.instruments[0]!;
    const hostile: ReportData = {
      ...sample,
      quoteCurrency: evil,
      instruments: [
        { ...instrument, stream: { exchange: evil, symbol: evil, timeframe: evil } },
        { ...instrument, stream: { exchange: evil, symbol: evil, timeframe: evil } },
      ],
      trades: [{ ...sample.trades[0]!, symbol: evil, entryReason: evil, exitReason: evil }],
      denials: [{ reason: evil, count: 1 }],
      silentBars: [{ reason: evil, count: 1 }],
      halts: [{ ...sample.halts[0]!, cause: evil }],
      settings: [[evil, evil]],
      hashes: [[evil, evil]],
      notes: [evil],
    };
    const page = renderReport(hostile);
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<script>alert');
    expect(page.match(/<script/g)).toHaveLength(3);
  });

  it('is whole without a single bar', () => {
    const empty = renderReport({
      ...sample,
      account: { atMs: [], equity: [], buyAndHold: null },
      instruments: [],
      benchmark: null,
      trades: [],
      denials: [],
      halts: [],
    });
    expect(empty).toContain('There is no bar to draw yet.');
    expect(empty).toContain('No trade was made.');
    expect(empty).not.toContain('<script');
    expect(empty).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('leaves out a chart that has no value to show, and draws through bars that have none', () => {
    const instrument = sample.instruments[0]!;
    const sparse = Float64Array.from(instrument.rollingAuc, (value, i) => (i % 7 === 0 ? value : Number.NaN));
    const never = new Float64Array(sparse.length).fill(Number.NaN);
    const [price, equity, drawdown, auc, ...rest] = buildCharts({
      ...sample,
      instruments: [{ ...instrument, confidence: never, rollingAuc: sparse }],
    });
    expect([price, equity, drawdown, auc].map((chart) => chart?.id)).toEqual([
      'price-0',
      'equity',
      'drawdown',
      'auc-0',
    ]);
    expect(rest).toEqual([]);
    expect(auc!.at.length).toBeGreaterThan(700);
    expect(auc!.series[0]!.values).not.toContain(null);
  });

  it('draws the strategy by itself where buy-and-hold dwarfs it', () => {
    const { atMs, equity } = sample.account;
    const large = Float64Array.from(equity, (value, i) => value * (1 + i / 100));
    const ids = (account: ReportData['account']) => buildCharts({ ...sample, account }).map(({ id }) => id);
    expect(ids({ atMs, equity, buyAndHold: large })).toContain('equity-alone');
    expect(ids({ atMs, equity, buyAndHold: equity })).not.toContain('equity-alone');
    expect(ids({ atMs, equity, buyAndHold: null })).not.toContain('equity-alone');
  });

  it('samples a cloud of dots evenly, so that no edge is drawn that is not there', () => {
    const instrument = sample.instruments[0]!;
    const n = 100_000;
    const openMs = Float64Array.from({ length: n }, (_, i) => i * 60_000);
    const confidence = Float64Array.from({ length: n }, (_, i) => (i % 1009) / 1009);
    const charts = buildCharts({
      ...sample,
      instruments: [{ ...instrument, openMs, close: confidence, confidence, rollingAuc: confidence }],
    });
    const dots = charts.find(({ id }) => id === 'confidence-0')!;
    expect(dots.about).toContain('One dot in 25 is drawn.');
    const middle = dots.series[0]!.values.filter((value) => value! > 0.25 && value! < 0.75).length;
    expect(middle / dots.at.length).toBeCloseTo(0.5, 1);
  });

  it('shows several markets under each other, named', () => {
    const [first] = sample.instruments;
    const second = { ...first!, stream: { ...first!.stream, symbol: 'ETH/USD' }, marks: [] };
    const page = renderReport({ ...sample, instruments: [first!, second] });
    expect(page).toContain('2 markets, 1d');
    for (const words of ['SPX/USD price', 'ETH/USD price', 'Confidence, ETH/USD', '>Symbol<']) {
      expect(page).toContain(words);
    }
  });

  it('stays small for a million bars', () => {
    const n = 1_000_000;
    const value = Float64Array.from({ length: n }, (_, i) => 100 + 20 * Math.sin(i / 5000) + (i % 17) / 17);
    const atMs = Float64Array.from({ length: n }, (_, i) => i * 60_000);
    const large = renderReport({
      ...sample,
      account: { atMs, equity: value, buyAndHold: value },
      instruments: [
        { ...sample.instruments[0]!, openMs: atMs, close: value, confidence: value, rollingAuc: value },
      ],
    });
    expect(large.length).toBeLessThan(1_200_000);
  });
});

describe('figures as text', () => {
  it('have a true minus sign, fixed places and a dash for no value', () => {
    expect(number(-1234.5, 2)).toBe('−1,234.50');
    expect(number(-0.001, 2)).toBe('0.00');
    expect(number(null, 2)).toBe('–');
    expect(number(Number.NaN, 2)).toBe('–');
    expect(percent(0.1234)).toBe('12.3 %');
    expect(signedPercent(0.1234)).toBe('+12.3 %');
    expect(signedPercent(0.0001)).toBe('0.0 %');
    expect(signedPercent(null)).toBe('–');
    expect(signedMoney(5)).toBe('+5.00');
  });

  it('tell times in UTC and lengths in fitting units', () => {
    expect(time(Date.UTC(2020, 2, 12))).toBe('2020-03-12');
    expect(time(Date.UTC(2020, 2, 12, 14, 5))).toBe('2020-03-12 14:05');
    expect(time(Number.NaN)).toBe('–');
    expect(duration(3 * 86_400_000)).toBe('3 days');
    expect(duration(5 * 3_600_000)).toBe('5 hours');
    expect(duration(90_000)).toBe('2 min');
  });

  it('stand under each other in a column', () => {
    const price = columnFormat([30029.189, 0.5, null], 5, 2);
    expect([30029.189, 0.5, null].map(price)).toEqual(['30,029.19', '0.50', '–']);
    const small = columnFormat([0.000123456, 1.5], 5, 2);
    expect([0.000123456, 1.5].map(small)).toEqual(['0.00012346', '1.50000000']);
    const tiny = columnFormat([1.23456789e-8], 5, 0);
    expect(tiny(1.23456789e-8)).toBe('0.000000012346'.padEnd(14, '0'));
    const units = columnFormat([61, 57], 5, 0);
    expect(units(61)).toBe('61');
    const at = [Date.UTC(2020, 2, 12), Date.UTC(2020, 2, 12, 14)];
    expect(at.map(timeFormat(at))).toEqual(['2020-03-12 00:00', '2020-03-12 14:00']);
  });

  it('cannot leave a script element', () => {
    const text = embeddedJson({ a: '</script><!--' });
    expect(text).not.toMatch(/[<>]/);
    expect(JSON.parse(text)).toEqual({ a: '</script><!--' });
  });
});
