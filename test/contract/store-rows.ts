import type { Candle, StreamKey } from '../../src/core/candle.js';
import type { Fill, OrderStatus, RiskDecision, RiskInputs } from '../../src/core/order.js';
import type { BarRecord, OrderEvent } from '../../src/core/records.js';
import type { SignalResult } from '../../src/core/signal.js';

/** Rows for tests of stores, drawn from a seed. */

export const T0 = Date.UTC(2024, 0, 1);
export const BAR_MS = 3_600_000;
export const BTC: StreamKey = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
export const ETH: StreamKey = { exchange: 'kraken', symbol: 'ETH/USDT:USDT', timeframe: '1h' };

export function candleOf(index: number, rng: () => number): Candle {
  const [open, close] = [100 + rng(), 100 + rng()];
  return {
    openMs: T0 + index * BAR_MS,
    open,
    high: Math.max(open, close) + rng(),
    low: Math.min(open, close) - rng(),
    close,
    volume: rng() * 1000,
  };
}

interface BarWishes {
  readonly rng: () => number;
  /** Drawn when left out. */
  readonly decided?: boolean;
  readonly predicted?: boolean;
  readonly risk?: 'order' | 'denial' | 'none';
}

export function barOf(stream: StreamKey, index: number, wishes: BarWishes): BarRecord {
  const { rng } = wishes;
  const candle = candleOf(index, rng);
  const bare = { stream, candle, availableAtMs: candle.openMs + BAR_MS + Math.floor(rng() * 1000) };
  if (!(wishes.decided ?? rng() < 0.8))
    return {
      ...bare,
      decided: false,
      prediction: null,
      features: null,
      signal: null,
      risk: null,
      decidedAtMs: null,
      account: null,
    };
  const probabilityUp = rng();
  const predicted = wishes.predicted ?? (wishes.risk !== undefined || rng() < 0.8);
  const wanted = wishes.risk ?? (['order', 'denial', 'none'] as const)[Math.floor(rng() * 3)]!;
  const signalled = predicted && wanted !== 'none';
  return {
    ...bare,
    decided: true,
    decidedAtMs: bare.availableAtMs + 7,
    prediction: predicted
      ? {
          openMs: candle.openMs,
          probabilityUp,
          probabilityUpCalibrated: rng(),
          modelHash: 'f'.repeat(64),
        }
      : null,
    features: predicted ? Float64Array.from({ length: 10 }, () => rng() - 0.5) : null,
    signal: signalled
      ? signalOf(probabilityUp, rng)
      : {
          ...surroundings(rng),
          kind: 'none',
          reason: predicted ? 'below_threshold' : 'warming_up',
          confidence: predicted ? rng() : null,
        },
    risk: signalled ? riskOf(wanted === 'order', candle, rng) : null,
    account:
      rng() < 0.9 || wishes.risk
        ? {
            atMs: bare.availableAtMs,
            equity: 1e5 * rng(),
            cash: 1e5 * rng(),
            peakEquity: 1e5,
            drawdown: rng(),
            breakerTripped: rng() < 0.5,
            dayMs: T0,
            dayStartEquity: 1e5 * rng(),
            dayLowEquity: 1e5 * rng(),
          }
        : null,
  };
}

function surroundings(rng: () => number): Pick<SignalResult, 'regime' | 'held'> {
  return {
    ...(rng() < 0.5 && { regime: rng() < 0.3 ? null : 'calm-up' }),
    ...(rng() < 0.5 && { held: { units: rng() - 0.5, sinceMs: T0 + Math.floor(rng() * BAR_MS) } }),
  };
}

function signalOf(probabilityUp: number, rng: () => number): SignalResult {
  const confidence = Math.abs(probabilityUp - 0.5) * 2;
  if (rng() < 0.3)
    return {
      kind: 'signal',
      direction: 'flat',
      cause: rng() < 0.5 ? 'expiry' : 'max_holding',
      confidence: rng() < 0.5 ? null : confidence,
      ...surroundings(rng),
    };
  return {
    kind: 'signal',
    direction: probabilityUp > 0.5 ? 'long' : 'short',
    confidence,
    probabilityWin: rng(),
    ...surroundings(rng),
  };
}

function riskOf(acts: boolean, candle: Candle, rng: () => number): RiskDecision {
  const inputs: RiskInputs = {
    equity: 1e5 * rng(),
    peakEquity: 1e5,
    drawdown: rng(),
    positionUnits: rng() - 0.5,
    quote: {
      bid: candle.close * 0.9995,
      ask: candle.close * 1.0005,
      atMs: candle.openMs + BAR_MS,
      source: rng() < 0.5 ? 'book' : 'close',
    },
    state: rng() < 0.5 ? 'ACTIVE' : 'REDUCING',
    averageWin: 0.02,
    averageLoss: 0.015,
    annualVolatility: rng() < 0.5 ? null : rng(),
    outsideTraining: rng() < 0.5 ? null : rng(),
    exchange: rng() < 0.5 ? 'binance' : 'kraken',
    cash: 1e5 * rng(),
    dayStartEquity: 1e5 * rng(),
    dayLowEquity: 1e5 * rng(),
    otherExposure: 1e4 * rng(),
    correlatedExposure: 1e4 * rng(),
    losingTrades: Math.floor(rng() * 9),
    barsSinceLoss: rng() < 0.5 ? null : Math.floor(rng() * 9),
  };
  return acts
    ? {
        kind: 'order',
        side: rng() < 0.5 ? 'buy' : 'sell',
        units: rng(),
        targetUnits: rng(),
        positionFraction: rng() / 10,
        kellyRaw: rng(),
        inputs,
      }
    : { kind: 'denial', reason: 'kelly_zero', detail: 'Kelly says no', inputs };
}

export function orderEventOf(clientOrderId: string, status: OrderStatus, step: number): OrderEvent {
  return {
    order: {
      clientOrderId,
      exchange: BTC.exchange,
      symbol: BTC.symbol,
      side: 'buy',
      type: clientOrderId === 'open' ? 'limit_ioc' : clientOrderId === 'x' ? 'stop' : 'market',
      amount: '0.0015',
      ...(clientOrderId === 'open' ? { limitPrice: '43210.1' } : {}),
      ...(clientOrderId === 'x' ? { triggerPrice: '41000.5' } : {}),
      barOpenMs: T0,
      decisionPrice: 43210.123,
      reducing: false,
    },
    status,
    exchangeOrderId: step === 0 ? null : '8389765',
    filled: status === 'partially_filled' ? '0.0005' : '0',
    averagePrice: status === 'partially_filled' ? '43210.05' : null,
    reason: null,
    message: null,
    atMs: T0 + step,
  };
}

export function fillOf(fillId: string, symbol: string, changed: Partial<Fill>): Fill {
  return {
    fillId,
    clientOrderId: 'redbutton-box-1',
    exchange: 'binance',
    symbol,
    side: 'buy',
    price: '43210.1',
    amount: '0.5',
    fee: '0.001',
    feeCurrency: 'BTC',
    atMs: T0,
    ...changed,
  };
}
