import type { CandleColumns } from '../core/candle.js';
import { derivedRules } from '../core/derived-rules.js';
import { badInput } from '../core/errors.js';
import { currenciesOf } from '../core/symbol.js';
import { timeframeMs } from '../core/timeframe.js';

/** What a simulated market is made of. Steps and minimums are decimal text; sensible ones are derived where absent. */
export interface MarketSpec {
  /** ccxt form, as in `BTC/USDT`. */
  readonly symbol: string;
  readonly timeframe: string;
  /** Oldest first, open times strictly ascending; bars that are absent stay absent. */
  readonly candles: CandleColumns;
  readonly priceTick?: string;
  readonly amountStep?: string;
  readonly amountMin?: string;
  readonly notionalMin?: string;
}

/** What an exchange may change of a market while it runs. */
export interface MarketTerms {
  priceTick: string;
  amountStep: string;
  amountMin: string;
  notionalMin: string;
  /** Orders are taken while it is TRADING alone. */
  status: 'TRADING' | 'BREAK' | 'HALT';
  /** A market that is not listed is in no list, and unknown to every request. */
  listed: boolean;
}

/** A market with every default filled in. */
export interface Instrument extends MarketTerms {
  readonly symbol: string;
  /** The exchange's own name, as in `BTCUSDT`. */
  readonly id: string;
  readonly base: string;
  readonly quote: string;
  readonly timeframe: string;
  readonly barMs: number;
  readonly candles: CandleColumns;
}

/** Fills in what a spec leaves open. Throws `E_SIM_MARKET` with the place for candles that cannot be replayed. */
export function toInstrument(spec: MarketSpec): Instrument {
  if (!/^[A-Z0-9]+\/[A-Z0-9]+$/.test(spec.symbol)) {
    throw badInput('E_SIM_MARKET', `"${spec.symbol}" is no spot symbol`, 'write it as in "BTC/USDT"');
  }
  checkCandles(spec);
  const { base, quote } = currenciesOf(spec.symbol);
  const derived = derivedRules(spec.symbol, spec.candles, '0');
  const amountStep = spec.amountStep ?? derived.amountStep;
  return {
    symbol: spec.symbol,
    id: `${base}${quote}`,
    base,
    quote,
    timeframe: spec.timeframe,
    barMs: timeframeMs(spec.timeframe),
    candles: spec.candles,
    priceTick: spec.priceTick ?? derived.priceTick,
    amountStep,
    amountMin: spec.amountMin ?? amountStep,
    notionalMin: spec.notionalMin ?? derived.notionalMin,
    status: 'TRADING',
    listed: true,
  };
}

function checkCandles(spec: MarketSpec): void {
  const { candles, symbol } = spec;
  const barMs = timeframeMs(spec.timeframe);
  if (candles.length < 2) {
    throw badInput(
      'E_SIM_MARKET',
      `${symbol}: ${candles.length} candles cannot be replayed`,
      'give at least two candles',
    );
  }
  for (let i = 0; i < candles.length; i++) {
    const values = [candles.open[i]!, candles.high[i]!, candles.low[i]!, candles.close[i]!];
    if (!values.every((value) => Number.isFinite(value) && value > 0) || !(candles.volume[i]! >= 0)) {
      throw badInput(
        'E_SIM_MARKET',
        `${symbol}: candle ${i} has a price or volume that no market prints`,
        'clean the file first: redbutton validate IN.csv --out OUT.csv',
      );
    }
    const openMs = candles.openMs[i]!;
    if (!Number.isSafeInteger(openMs) || (i > 0 && openMs < candles.openMs[i - 1]! + barMs)) {
      throw badInput(
        'E_SIM_MARKET',
        `${symbol}: candle ${i} opens less than one bar (${spec.timeframe}) after the one before`,
        'sort the file, remove duplicates, and name the timeframe of its rows',
      );
    }
  }
}
