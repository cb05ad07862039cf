import { candleAt } from '../../src/core/candle.js';
import type { Fill } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { replayFills } from '../../src/portfolio/replay.js';
import { readCandlesCsv } from '../../src/research/candles/candle-file.js';
import type { ReportData, ReportMark } from '../../src/research/report/index.js';
import { accountMetrics, buyAndHold, curveMetrics } from '../../src/research/report/metrics.js';

const START_CASH = 100_000;

/**
 * A report over the S&P 500's daily history by a plain rule (long while the close is above its mean of 50 bars, a tenth
 * to all of the equity), so that every part of the page has something real to show. Confidence and AUC come from a
 * seeded generator.
 */
export async function sampleReport(): Promise<ReportData> {
  const { columns } = await readCandlesCsv('node_modules/vega-datasets/data/sp500-2000.csv');
  const n = columns.length;
  const equity = new Float64Array(n);
  const exposed = new Uint8Array(n);
  const fills: Fill[] = [];
  let cash = START_CASH;
  let held = 0;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const { openMs, close } = candleAt(columns, i);
    sum += close - (i >= 50 ? columns.close[i - 50]! : 0);
    const mean = i >= 49 ? sum / 50 : Number.NaN;
    const side = held === 0 && close > mean * 1.01 ? 'buy' : held > 0 && close < mean * 0.99 ? 'sell' : null;
    if (side) {
      const units = side === 'buy' ? Math.floor((cash * 0.9) / close) : held;
      const price = close * (side === 'buy' ? 1.0005 : 0.9995);
      const fee = units * price * 0.0005;
      fills.push({
        fillId: String(fills.length),
        clientOrderId: String(fills.length),
        exchange: 'simulator',
        symbol: 'SPX/USD',
        side,
        amount: String(units),
        price: String(price),
        fee: String(fee),
        feeCurrency: 'USD',
        atMs: openMs,
      });
      cash += (side === 'buy' ? -1 : 1) * units * price - fee;
      held = side === 'buy' ? units : 0;
    }
    equity[i] = cash + held * close;
    exposed[i] = held > 0 ? 1 : 0;
  }
  const next = seededRng(42).next;
  const confidence = Float64Array.from({ length: n }, (_, i) => (i < 19 ? Number.NaN : next() ** 2 * 0.8));
  let auc = 0.55;
  const rollingAuc = Float64Array.from({ length: n }, (_, i) => {
    auc = Math.min(0.85, Math.max(0.25, auc + (next() - 0.5) * 0.08 + (0.54 - auc) * 0.04));
    return i < 49 ? Number.NaN : auc;
  });
  const held50 = buyAndHold(columns.close, START_CASH);
  const { portfolio, effects, trades, traded } = replayFills(fills);
  const marks: ReportMark[] = effects.map(({ fill: { atMs, price, side }, effect }) => ({
    atMs,
    price: Number(price),
    side,
    effect,
  }));
  return {
    kind: 'demo',
    quoteCurrency: 'USD',
    madeAtMs: Date.UTC(2024, 4, 17, 9, 30),
    account: { atMs: columns.openMs, equity, buyAndHold: held50 },
    instruments: [
      {
        stream: { exchange: 'simulator', symbol: 'SPX/USD', timeframe: '1d' },
        openMs: columns.openMs,
        close: columns.close,
        confidence,
        confidenceThreshold: 0.3,
        rollingAuc,
        aucWindow: 30,
        aucCritical: 0.5,
        marks,
      },
    ],
    metrics: accountMetrics({
      equity: { atMs: columns.openMs, value: equity },
      exposed,
      profits: portfolio.trades().map(({ profit }) => profit),
      traded,
      quoteCurrency: 'USD',
      fees: portfolio.fees(),
      barsPerYear: 252,
    }),
    benchmark: curveMetrics({ atMs: columns.openMs, value: held50 }, 252),
    trades: trades.map((trade) => ({
      ...trade,
      entryMs: trade.openedAtMs,
      exitMs: trade.closedAtMs,
      units: trade.amount,
      profit: trade.closedAtMs === null ? null : trade.profit,
      returnOnEntry: trade.closedAtMs === null ? null : trade.returnFraction,
      entryReason: 'long',
      exitReason: trade.closedAtMs === null ? null : 'conviction expired',
    })),
    denials: [
      { reason: 'already_at_target', count: 1423 },
      { reason: 'kelly_zero', count: 212 },
      { reason: 'state_halted', count: 37 },
    ],
    silentBars: [{ reason: 'warming_up', count: 19 }],
    halts: [
      {
        fromMs: Date.UTC(2008, 9, 9),
        toMs: Date.UTC(2009, 3, 2),
        state: 'HALTED',
        cause: 'red button pressed',
      },
      { fromMs: Date.UTC(2020, 2, 12), toMs: null, state: 'HALTED', cause: 'drawdown of 15.2 %' },
    ],
    settings: [
      ['Confidence threshold', '0.30'],
      ['Kelly fraction', '0.25'],
      ['Position cap', '10 % of equity'],
      ['Slippage', '5 bps'],
      ['Taker fee', '0.1 %'],
    ],
    hashes: [
      ['Candles', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
      ['Model', '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752'],
    ],
    notes: ['The threshold was chosen inside the training span.'],
  };
}
