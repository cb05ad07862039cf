import type { Candle, StreamKey } from '../../../core/candle.js';
import { invariant } from '../../../core/errors.js';
import type { DenialReason, RiskDecision, RiskInputs, Side } from '../../../core/order.js';
import type { AccountSnapshot, BarRecord } from '../../../core/records.js';
import type { Regime } from '../../../core/regime.js';
import type {
  Direction,
  FlatCause,
  Holding,
  NoSignalReason,
  Prediction,
  SignalResult,
} from '../../../core/signal.js';
import type { TradingState } from '../../../core/trading-state.js';
import { boolean, type Cell, double, doubles, integer, type Row, text } from '../open/session.js';
import {
  booleanOf,
  doublesOrNull,
  numberOf,
  numberOrNull,
  streamOf,
  textOf,
  textOrNull,
  wordOf,
} from './rows.js';

/** How a bar is laid out in the tables candles and decisions. Doubles are stored as they are, bit for bit. */

export function keyCells(stream: StreamKey): Cell[] {
  return [text(stream.exchange), text(stream.symbol), text(stream.timeframe)];
}

/** In the order of the table candles. */
export function candleCells(stream: StreamKey, candle: Candle, availableAtMs: number): Cell[] {
  return [
    ...keyCells(stream),
    integer(candle.openMs),
    double(candle.open),
    double(candle.high),
    double(candle.low),
    double(candle.close),
    double(candle.volume),
    integer(availableAtMs),
  ];
}

export function candleOf(row: Row): Candle {
  return {
    openMs: numberOf(row, 'open_ms'),
    open: numberOf(row, 'open'),
    high: numberOf(row, 'high'),
    low: numberOf(row, 'low'),
    close: numberOf(row, 'close'),
    volume: numberOf(row, 'volume'),
  };
}

const UNKNOWN_REGIME = 'unknown';

type DecisionColumn = readonly [name: string, cell: (record: BarRecord) => Cell];

const order = (record: BarRecord) => (record.risk?.kind === 'order' ? record.risk : null);
const denial = (record: BarRecord) => (record.risk?.kind === 'denial' ? record.risk : null);
const signal = (record: BarRecord) => (record.signal?.kind === 'signal' ? record.signal : null);
const entry = (record: BarRecord) => {
  const found = signal(record);
  return found?.direction === 'flat' ? null : found;
};
const close = (record: BarRecord) => {
  const found = signal(record);
  return found?.direction === 'flat' ? found : null;
};
const none = (record: BarRecord) => (record.signal?.kind === 'none' ? record.signal : null);
const inputs = (record: BarRecord) => record.risk?.inputs ?? null;

/** Every field of the risk inputs has its columns: a new field does not compile until it is stored. */
const INPUT_COLUMNS: { readonly [K in keyof Required<RiskInputs>]: readonly DecisionColumn[] } = {
  equity: [['input_equity', (r) => double(inputs(r)?.equity ?? null)]],
  peakEquity: [['input_peak_equity', (r) => double(inputs(r)?.peakEquity ?? null)]],
  drawdown: [['input_drawdown', (r) => double(inputs(r)?.drawdown ?? null)]],
  positionUnits: [['input_position_units', (r) => double(inputs(r)?.positionUnits ?? null)]],
  quote: [
    ['input_bid', (r) => double(inputs(r)?.quote.bid ?? null)],
    ['input_ask', (r) => double(inputs(r)?.quote.ask ?? null)],
    ['input_quote_at_ms', (r) => integer(inputs(r)?.quote.atMs ?? null)],
    ['input_quote_source', (r) => text(inputs(r)?.quote.source ?? null)],
  ],
  state: [['input_state', (r) => text(inputs(r)?.state ?? null)]],
  cash: [['input_cash', (r) => double(inputs(r)?.cash ?? null)]],
  dayStartEquity: [['input_day_start_equity', (r) => double(inputs(r)?.dayStartEquity ?? null)]],
  dayLowEquity: [['input_day_low_equity', (r) => double(inputs(r)?.dayLowEquity ?? null)]],
  otherExposure: [['input_other_exposure', (r) => double(inputs(r)?.otherExposure ?? null)]],
  correlatedExposure: [['input_correlated_exposure', (r) => double(inputs(r)?.correlatedExposure ?? null)]],
  losingTrades: [['input_losing_trades', (r) => integer(inputs(r)?.losingTrades ?? null)]],
  barsSinceLoss: [['input_bars_since_loss', (r) => integer(inputs(r)?.barsSinceLoss ?? null)]],
  averageWin: [['input_average_win', (r) => double(inputs(r)?.averageWin ?? null)]],
  averageLoss: [['input_average_loss', (r) => double(inputs(r)?.averageLoss ?? null)]],
  annualVolatility: [['input_annual_volatility', (r) => double(inputs(r)?.annualVolatility ?? null)]],
  exchange: [['input_exchange', (r) => text(inputs(r)?.exchange ?? null)]],
  outsideTraining: [['input_outside_training', (r) => double(inputs(r)?.outsideTraining ?? null)]],
};

const DECISION_COLUMNS: readonly DecisionColumn[] = [
  ['exchange', (r) => text(r.stream.exchange)],
  ['symbol', (r) => text(r.stream.symbol)],
  ['timeframe', (r) => text(r.stream.timeframe)],
  ['open_ms', (r) => integer(r.candle.openMs)],
  ['decided', (r) => boolean(r.decided)],
  ['decided_at_ms', (r) => integer(r.decidedAtMs)],
  ['features', (r) => doubles(r.features)],
  ['probability_up', (r) => double(r.prediction?.probabilityUp ?? null)],
  ['probability_up_calibrated', (r) => double(r.prediction?.probabilityUpCalibrated ?? null)],
  ['model_hash', (r) => text(r.prediction?.modelHash ?? null)],
  ['signal_direction', (r) => text(signal(r)?.direction ?? null)],
  ['signal_reason', (r) => text(none(r)?.reason ?? null)],
  ['signal_confidence', (r) => double(r.signal?.confidence ?? null)],
  ['signal_probability_win', (r) => double(entry(r)?.probabilityWin ?? null)],
  ['signal_cause', (r) => text(close(r)?.cause ?? null)],
  // 'unknown' is a filter without an answer; null is no filter.
  ['signal_regime', (r) => text(r.signal?.regime === null ? UNKNOWN_REGIME : (r.signal?.regime ?? null))],
  ['signal_held_units', (r) => double(r.signal?.held?.units ?? null)],
  ['signal_held_since_ms', (r) => integer(r.signal?.held?.sinceMs ?? null)],
  ['risk_side', (r) => text(order(r)?.side ?? null)],
  ['risk_units', (r) => double(order(r)?.units ?? null)],
  ['risk_target_units', (r) => double(order(r)?.targetUnits ?? null)],
  ['risk_position_fraction', (r) => double(order(r)?.positionFraction ?? null)],
  ['risk_kelly_raw', (r) => double(order(r)?.kellyRaw ?? null)],
  ['risk_reason', (r) => text(denial(r)?.reason ?? null)],
  ['risk_detail', (r) => text(denial(r)?.detail ?? null)],
  ...Object.values(INPUT_COLUMNS).flat(),
  ['account_at_ms', (r) => integer(r.account?.atMs ?? null)],
  ['account_equity', (r) => double(r.account?.equity ?? null)],
  ['account_cash', (r) => double(r.account?.cash ?? null)],
  ['account_peak_equity', (r) => double(r.account?.peakEquity ?? null)],
  ['account_drawdown', (r) => double(r.account?.drawdown ?? null)],
  ['account_breaker_tripped', (r) => boolean(r.account?.breakerTripped ?? null)],
  ['account_day_ms', (r) => integer(r.account?.dayMs ?? null)],
  ['account_day_start_equity', (r) => double(r.account?.dayStartEquity ?? null)],
  ['account_day_low_equity', (r) => double(r.account?.dayLowEquity ?? null)],
];

/** The columns of the table decisions that {@link decisionCells} fills. */
export const DECISION_NAMES: readonly string[] = DECISION_COLUMNS.map(([name]) => name);

export function decisionCells(record: BarRecord): Cell[] {
  return DECISION_COLUMNS.map(([, cell]) => cell(record));
}

/** A row of decisions joined with its candle. */
export function barRecordOf(row: Row): BarRecord {
  return {
    stream: streamOf(row),
    candle: candleOf(row),
    availableAtMs: numberOf(row, 'available_at_ms'),
    decided: booleanOf(row, 'decided'),
    prediction: predictionOf(row),
    features: doublesOrNull(row, 'features'),
    signal: signalOf(row),
    risk: riskOf(row),
    decidedAtMs: numberOrNull(row, 'decided_at_ms'),
    account: row.account_at_ms === null ? null : accountOf(row),
  };
}

export function predictionOf(row: Row): Prediction | null {
  if (row.model_hash === null) return null;
  return {
    openMs: numberOf(row, 'open_ms'),
    probabilityUp: numberOf(row, 'probability_up'),
    probabilityUpCalibrated: numberOf(row, 'probability_up_calibrated'),
    modelHash: textOf(row, 'model_hash'),
  };
}

function signalOf(row: Row): SignalResult | null {
  const held = heldOf(row);
  const regime = textOrNull(row, 'signal_regime');
  const context = {
    ...(regime !== null && { regime: regime === UNKNOWN_REGIME ? null : (regime as Regime) }),
    ...(held !== null && { held }),
  };
  if (row.signal_direction !== null) {
    const direction = wordOf<Direction>(row, 'signal_direction');
    return direction === 'flat'
      ? {
          kind: 'signal',
          direction,
          cause: wordOf<FlatCause>(row, 'signal_cause'),
          confidence: numberOrNull(row, 'signal_confidence'),
          ...context,
        }
      : {
          kind: 'signal',
          direction,
          confidence: numberOf(row, 'signal_confidence'),
          probabilityWin: numberOf(row, 'signal_probability_win'),
          ...context,
        };
  }
  if (row.signal_reason === null) return null;
  return {
    kind: 'none',
    reason: wordOf<NoSignalReason>(row, 'signal_reason'),
    confidence: numberOrNull(row, 'signal_confidence'),
    ...context,
  };
}

/** What was held at the bar's decision; null for nothing. */
export function heldOf(row: Row): Holding | null {
  const units = numberOrNull(row, 'signal_held_units');
  return units === null ? null : { units, sinceMs: numberOf(row, 'signal_held_since_ms') };
}

function riskOf(row: Row): RiskDecision | null {
  if (row.risk_side !== null)
    return {
      kind: 'order',
      side: wordOf<Side>(row, 'risk_side'),
      units: numberOf(row, 'risk_units'),
      targetUnits: numberOf(row, 'risk_target_units'),
      positionFraction: numberOf(row, 'risk_position_fraction'),
      kellyRaw: numberOf(row, 'risk_kelly_raw'),
      inputs: inputsOf(row),
    };
  if (row.risk_reason === null) return null;
  const detail = textOrNull(row, 'risk_detail');
  invariant(detail !== null, 'a denial without a sentence');
  return {
    kind: 'denial',
    reason: wordOf<DenialReason>(row, 'risk_reason'),
    detail,
    inputs: inputsOf(row),
  };
}

/** What a decision of an earlier version did not look at is 0: the limits on it were not there either. */
function inputsOf(row: Row): RiskInputs {
  return {
    cash: numberOrNull(row, 'input_cash') ?? 0,
    dayStartEquity: numberOrNull(row, 'input_day_start_equity') ?? 0,
    dayLowEquity: numberOrNull(row, 'input_day_low_equity') ?? 0,
    otherExposure: numberOrNull(row, 'input_other_exposure') ?? 0,
    correlatedExposure: numberOrNull(row, 'input_correlated_exposure') ?? 0,
    losingTrades: numberOrNull(row, 'input_losing_trades') ?? 0,
    barsSinceLoss: numberOrNull(row, 'input_bars_since_loss'),
    equity: numberOf(row, 'input_equity'),
    peakEquity: numberOf(row, 'input_peak_equity'),
    drawdown: numberOf(row, 'input_drawdown'),
    positionUnits: numberOf(row, 'input_position_units'),
    quote: {
      bid: numberOf(row, 'input_bid'),
      ask: numberOf(row, 'input_ask'),
      atMs: numberOf(row, 'input_quote_at_ms'),
      source: wordOf<'book' | 'close'>(row, 'input_quote_source'),
    },
    state: wordOf<TradingState>(row, 'input_state'),
    averageWin: numberOf(row, 'input_average_win'),
    averageLoss: numberOf(row, 'input_average_loss'),
    annualVolatility: numberOrNull(row, 'input_annual_volatility'),
    exchange: textOrNull(row, 'input_exchange') ?? textOf(row, 'exchange'),
    outsideTraining: numberOrNull(row, 'input_outside_training'),
  };
}

export function accountOf(row: Row): AccountSnapshot {
  return {
    atMs: numberOf(row, 'account_at_ms'),
    equity: numberOf(row, 'account_equity'),
    cash: numberOf(row, 'account_cash'),
    peakEquity: numberOf(row, 'account_peak_equity'),
    drawdown: numberOf(row, 'account_drawdown'),
    breakerTripped: booleanOf(row, 'account_breaker_tripped'),
    dayMs: numberOrNull(row, 'account_day_ms') ?? 0,
    dayStartEquity: numberOrNull(row, 'account_day_start_equity') ?? 0,
    dayLowEquity: numberOrNull(row, 'account_day_low_equity') ?? 0,
  };
}
