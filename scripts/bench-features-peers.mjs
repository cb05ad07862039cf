// Feature set v1 with other libraries, each used the way that is quickest for it. What a library lacks (logarithm,
// z-score, width) is a plain loop. Warm-up rows are left as the library returns them, which is in its favour. Does nothing by itself.
// Usage: import * as peers from './bench-features-peers.mjs'
import { isRun, readOptions } from './usage.mjs';

if (isRun(import.meta.url)) readOptions(import.meta.url);
const { IndicatorsSync } = await import('@ixjb94/indicators');
const { default: technical } = await import('technicalindicators');
const { BollingerBands, RSI } = await import('trading-signals');

const LAGS = [1, 2, 3, 5, 10];
const YEAR = Math.sqrt(252);
/** From ddof = 0, which both libraries compute, to ddof = 1. */
const UNBIASED_20 = Math.sqrt(20 / 19);
const UNBIASED_10 = Math.sqrt(10 / 9);

function logReturns(close) {
  const out = new Array(close.length - 1);
  for (let i = 1; i < close.length; i++) out[i - 1] = Math.log(close[i] / close[i - 1]);
  return out;
}

function combine(close, volume, returns, std, mean, lag) {
  const closeStd = std(20, close);
  const closeMean = mean(20, close);
  const width = new Array(closeStd.length);
  for (let i = 0; i < width.length; i++) width[i] = (2 * UNBIASED_20 * closeStd[i]) / closeMean[i];

  const volatility = std(10, returns);
  for (let i = 0; i < volatility.length; i++) volatility[i] *= UNBIASED_10 * YEAR;

  const volumeStd = std(20, volume);
  const volumeMean = mean(20, volume);
  const score = new Array(volumeStd.length);
  for (let i = 0; i < score.length; i++)
    score[i] = (volume[i + 19] - volumeMean[i]) / (UNBIASED_20 * volumeStd[i]);
  return [width, volatility, score, ...LAGS.map((k) => lag(k, returns))];
}

/** `@ixjb94/indicators`, synchronous; its RSI is Wilder's. */
export function ixjb94({ close, volume }) {
  const ta = new IndicatorsSync();
  const returns = logReturns(close);
  return [
    returns,
    ta.rsi(close, 14),
    ...combine(
      close,
      volume,
      returns,
      (period, values) => ta.stddev(values, period),
      (period, values) => ta.sma(values, period),
      (k, values) => ta.lag(values, k),
    ),
  ];
}

/** technicalindicators; its RSI is Wilder's, and it has no lag. */
export function technicalIndicators({ close, volume }) {
  const returns = logReturns(close);
  return [
    returns,
    technical.RSI.calculate({ period: 14, values: close }),
    ...combine(
      close,
      volume,
      returns,
      (period, values) => technical.SD.calculate({ period, values }),
      (period, values) => technical.SMA.calculate({ period, values }),
      (k, values) => values.slice(0, values.length - k),
    ),
  ];
}

/** trading-signals: RSI and three Bollinger bands (close, volume, log return), candle by candle. */
export function tradingSignals(candles) {
  const rsi = new RSI(14);
  const bands = [new BollingerBands(20, 2), new BollingerBands(20, 2), new BollingerBands(10, 2)];
  return () => {
    let last = candles[0].close;
    for (const { close, volume } of candles) {
      rsi.update(close, false);
      bands[0].update(close, false);
      bands[1].update(volume, false);
      bands[2].update(Math.log(close / last), false);
      last = close;
    }
  };
}
