import type { StreamKey } from '../../core/candle.js';
import type { AucEstimate } from '../../learning/delong.js';
import type { CurveMetrics, Metrics } from './metrics.js';
import type { ReliabilityBin } from './model-quality.js';
import type { SlippageFigures } from './slippage-figures.js';

/**
 * All that a report shows, as plain data, so that a backtest and the live store can both fill it. Times are UTC
 * milliseconds, oldest first; money is in `quoteCurrency`.
 */
export interface ReportData {
  /** Where the figures come from; stands in the heading. */
  readonly kind: 'backtest' | 'demo' | 'paper' | 'live';
  readonly quoteCurrency: string;
  /** When the report was made. */
  readonly madeAtMs: number;
  readonly account: ReportAccount;
  readonly instruments: readonly ReportInstrument[];
  readonly metrics: Metrics;
  /** The same figures of buy-and-hold; null where there is nothing to compare with. */
  readonly benchmark: CurveMetrics | null;
  /** Oldest first. The page lists the last {@link TRADES_SHOWN_MAX}. */
  readonly trades: readonly ReportTrade[];
  /** Orders that risk or the gate denied, the exchange rejected or that were never placed, by reason code. */
  readonly denials: readonly ReasonCount[];
  /** Bars that brought no prediction, and quarantined rows, by reason code; empty where not kept. */
  readonly silentBars: readonly ReasonCount[];
  /** Null without a fill. */
  readonly slippage?: SlippageFigures | null;
  readonly halts: readonly ReportHalt[];
  /** Names and values of the settings that shaped the result, in the order to show. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** What exactly was used: names (candles, model, code) and their hashes. */
  readonly hashes: readonly (readonly [name: string, hash: string])[];
  /** Sentences that a reader must know to read the figures rightly. */
  readonly notes: readonly string[];
}

/** The account over time; all arrays have the length of `atMs`. */
export interface ReportAccount {
  readonly atMs: ArrayLike<number>;
  readonly equity: ArrayLike<number>;
  /** Null where there is nothing to compare with. */
  readonly buyAndHold: ArrayLike<number> | null;
  /** Value of all positions over equity, signed. */
  readonly exposure?: ArrayLike<number>;
}

/** One symbol over time; all arrays have the length of `openMs`. NaN where a bar has no value. */
export interface ReportInstrument {
  readonly stream: StreamKey;
  readonly openMs: ArrayLike<number>;
  readonly close: ArrayLike<number>;
  /** |p − 0.5|·2 of the bar's prediction. */
  readonly confidence: ArrayLike<number>;
  /** Below this, no signal. */
  readonly confidenceThreshold: number;
  /** AUC of the last `aucWindow` resolved predictions. */
  readonly rollingAuc: ArrayLike<number>;
  /** Its interval of 95 %, where it is known. */
  readonly rollingAucInterval?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> };
  readonly aucWindow: number;
  /** Below this the model's health is critical. */
  readonly aucCritical: number;
  /** Fills, marked in the price. */
  readonly marks: readonly ReportMark[];
  /** How good the model was over the whole run. */
  readonly quality?: ReportQuality;
}

export interface ReportQuality {
  readonly auc: AucEstimate | null;
  readonly reliability: readonly ReliabilityBin[];
  /** Drift of each feature from its distribution in training. */
  readonly psi: readonly { readonly feature: string; readonly psi: number }[];
}

export interface ReportMark {
  readonly atMs: number;
  readonly price: number;
  /** Whether the fill made the position larger or smaller. */
  readonly effect: 'entry' | 'exit';
  readonly side: 'buy' | 'sell';
}

/** A position from flat to flat, or still open. Prices are averages over its fills, weighted by units. */
export interface ReportTrade {
  readonly exchange: string;
  readonly symbol: string;
  readonly direction: 'long' | 'short';
  readonly entryMs: number;
  /** Null while the position is open. */
  readonly exitMs: number | null;
  /** Units bought into it altogether (sold, for a short). */
  readonly units: number;
  readonly entryPrice: number;
  readonly exitPrice: number | null;
  /** Quote units after fees; null while the position is open. */
  readonly profit: number | null;
  /** `profit` over what was paid in. */
  readonly returnOnEntry: number | null;
  /** Why the order was sent, as a code or a few words. */
  readonly entryReason: string;
  readonly exitReason: string | null;
}

export interface ReasonCount {
  readonly reason: string;
  readonly count: number;
}

export interface ReportHalt {
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly toMs: number | null;
  readonly state: 'HALTED' | 'REDUCING' | 'FLATTENING';
  readonly cause: string;
}

/** Trades listed on the page; the rest is counted. */
export const TRADES_SHOWN_MAX = 500;
