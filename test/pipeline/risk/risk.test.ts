import { describe, expect, it } from 'vitest';
import type { MarketRules, RiskDecision, RiskInputs } from '../../../src/core/order.js';
import type { Direction } from '../../../src/core/signal.js';
import { createRiskLayer, type RiskConfig } from '../../../src/pipeline/risk/index.js';
import { DayLoss, dayLossOf } from '../../../src/portfolio/day-loss.js';
import { DrawdownBreaker } from '../../../src/portfolio/drawdown.js';
import { CONFIG, SPOT } from '../../support/tiny-stream.js';

const DAY = { dayMs: 0, dayStartEquity: 100, dayLowEquity: 100 };
const SWAP: MarketRules = { ...SPOT, symbol: 'BTC/USDT:USDT', kind: 'swap' };

function inputs(over: Partial<RiskInputs> = {}): RiskInputs {
  return {
    equity: 100_000,
    peakEquity: 100_000,
    drawdown: 0,
    positionUnits: 0,
    quote: { bid: 29_999, ask: 30_001, atMs: 1, source: 'book' },
    state: 'ACTIVE',
    averageWin: 0.02,
    averageLoss: 0.015,
    annualVolatility: 0.5,
    outsideTraining: 0,
    exchange: 'binance',
    cash: 100_000,
    dayStartEquity: 100_000,
    dayLowEquity: 100_000,
    otherExposure: 0,
    correlatedExposure: 0,
    losingTrades: 0,
    barsSinceLoss: null,
    ...over,
  };
}

function decide(
  direction: Direction,
  over: Partial<RiskInputs> = {},
  more: {
    rules?: MarketRules;
    breakerTripped?: boolean;
    annualVolatilityMax?: number;
    outsideTrainingMax?: number;
    p?: number;
  } = {},
): RiskDecision {
  const { annualVolatilityMax, outsideTrainingMax } = more;
  return createRiskLayer({ ...CONFIG.risk, annualVolatilityMax, outsideTrainingMax }).decide({
    signal:
      direction === 'flat'
        ? { kind: 'signal', direction, cause: 'expiry', confidence: 0.8 }
        : { kind: 'signal', direction, confidence: 0.8, probabilityWin: more.p ?? 0.9 },
    inputs: inputs(over),
    breakerTripped: more.breakerTripped ?? false,
    rules: more.rules ?? SPOT,
  });
}

const reason = (decision: RiskDecision) => (decision.kind === 'denial' ? decision.reason : decision.side);

describe('risk decisions', () => {
  it('buys up to the cap, at the price that would be paid', () => {
    const decision = decide('long');
    expect(decision).toMatchObject({ kind: 'order', side: 'buy', positionFraction: 0.1 });
    if (decision.kind === 'order') expect(decision.units).toBe((100_000 * 0.1) / 30_001);
  });

  it('trades only the difference to the target', () => {
    expect(decide('long', { positionUnits: 0.1 })).toMatchObject({ side: 'buy' });
    expect(decide('long', { positionUnits: 0.5 })).toMatchObject({
      side: 'sell',
      targetUnits: 10_000 / 30_001,
    });
    expect(reason(decide('long', { positionUnits: 10_000 / 30_001 }))).toBe('already_at_target');
  });

  it('takes a short on spot as flat, and as a short on a swap', () => {
    expect(decide('short', { positionUnits: 0.2 })).toMatchObject({
      side: 'sell',
      units: 0.2,
      targetUnits: 0,
    });
    expect(reason(decide('short'))).toBe('nothing_to_close');
    expect(decide('short', {}, { rules: SWAP })).toMatchObject({
      side: 'sell',
      targetUnits: -10_000 / 29_999,
    });
  });

  it('denies an entry without an edge, and leaves what is held', () => {
    expect(reason(decide('long', {}, { p: 0.3 }))).toBe('kelly_zero');
    expect(reason(decide('long', { positionUnits: 0.2 }, { p: 0.3 }))).toBe('kelly_zero');
  });

  it('moves nothing while halted', () => {
    for (const state of ['HALTED', 'FLATTENING'] as const) {
      expect(reason(decide('long', { state }))).toBe('state_halted');
      expect(reason(decide('short', { state, positionUnits: 0.2 }))).toBe('state_halted');
    }
  });

  it('lets only shrinking through while reducing', () => {
    expect(reason(decide('long', { state: 'REDUCING' }))).toBe('state_reducing');
    expect(decide('short', { state: 'REDUCING', positionUnits: 0.2 })).toMatchObject({
      side: 'sell',
      units: 0.2,
    });
    expect(decide('long', { state: 'REDUCING', positionUnits: 0.5 })).toMatchObject({ side: 'sell' });
    // A reversal is cut to a close.
    expect(decide('short', { state: 'REDUCING', positionUnits: 0.2 }, { rules: SWAP })).toMatchObject({
      side: 'sell',
      units: 0.2,
      targetUnits: 0,
      positionFraction: 0,
    });
  });

  it('denies entries after a drawdown halt, and allows exits', () => {
    const broken = { drawdown: 0.16, equity: 84_000 };
    expect(reason(decide('long', broken, { breakerTripped: true }))).toBe('drawdown_halt');
    expect(decide('short', { ...broken, positionUnits: 0.2 }, { breakerTripped: true })).toMatchObject({
      side: 'sell',
    });
  });

  it('denies entries in wild markets, and where volatility is not known', () => {
    const limit = { annualVolatilityMax: 0.8 };
    expect(reason(decide('long', { annualVolatility: 0.81 }, limit))).toBe('volatility');
    expect(reason(decide('long', { annualVolatility: null }, limit))).toBe('volatility');
    expect(reason(decide('long', { annualVolatility: 0.8 }, limit))).toBe('buy');
    expect(reason(decide('short', { annualVolatility: 2, positionUnits: 0.2 }, limit))).toBe('sell');
  });

  it('denies entries on rows unlike those of the training, and where that is not known', () => {
    const limit = { outsideTrainingMax: 0.25 };
    expect(reason(decide('long', { outsideTraining: 3 / 9 }, limit))).toBe('outside_training');
    expect(reason(decide('long', { outsideTraining: null }, limit))).toBe('outside_training');
    expect(reason(decide('long', { outsideTraining: 2 / 9 }, limit))).toBe('buy');
    expect(reason(decide('long', { outsideTraining: 1 }))).toBe('buy');
    expect(reason(decide('short', { outsideTraining: 1, positionUnits: 0.2 }, limit))).toBe('sell');
  });

  it('denies what the market would not take', () => {
    expect(reason(decide('long', { equity: 40 }))).toBe('below_minimum');
    expect(reason(decide('long', { equity: 0 }))).toBe('bad_equity');
    expect(reason(decide('long', { equity: Number.NaN }))).toBe('bad_equity');
    expect(reason(decide('short', { positionUnits: 0.000001 }))).toBe('below_minimum');
    expect(reason(decide('long', { quote: { bid: 1, ask: 1, atMs: 0, source: 'close' } }))).toBe(
      'price_stale',
    );
  });
});

describe('caps on what is held together', () => {
  const capped = (over: Partial<RiskInputs>, config: Partial<RiskConfig>, rules = SPOT) =>
    createRiskLayer({ ...CONFIG.risk, ...config }).decide({
      signal: { kind: 'signal', direction: 'long', confidence: 0.8, probabilityWin: 0.9 },
      inputs: inputs(over),
      breakerTripped: false,
      rules,
    });

  it('leave to a symbol what the others have not taken of the gross cap', () => {
    const decision = capped({ otherExposure: 25_000 }, { grossFractionMax: 0.3 });
    expect(decision).toMatchObject({ kind: 'order', side: 'buy', targetUnits: 5000 / 30_001 });
    expect(decision.kind === 'order' && decision.positionFraction).toBeCloseTo(0.05, 12);
    expect(capped({ otherExposure: 20_000 }, { grossFractionMax: 0.3 })).toMatchObject({
      units: 10_000 / 30_001,
    });
    expect(reason(capped({ otherExposure: 30_000 }, { grossFractionMax: 0.3 }))).toBe('gross_cap');
    expect(reason(capped({ otherExposure: 45_000 }, { grossFractionMax: 0.3 }))).toBe('gross_cap');
  });

  it('let correlated symbols share the cap of one', () => {
    const config = { correlationMax: 0.8 };
    expect(capped({ otherExposure: 9000, correlatedExposure: 0 }, config)).toMatchObject({
      units: 10_000 / 30_001,
    });
    expect(capped({ otherExposure: 9000, correlatedExposure: 4000 }, config)).toMatchObject({
      units: 6000 / 30_001,
    });
    expect(reason(capped({ otherExposure: 9000, correlatedExposure: 10_000 }, config))).toBe(
      'correlated_cap',
    );
  });

  it('let nothing grow, and close nothing', () => {
    const config = { grossFractionMax: 0.3 };
    expect(reason(capped({ otherExposure: 30_000, positionUnits: 0.1 }, config))).toBe('gross_cap');
    expect(decide('short', { otherExposure: 90_000, positionUnits: 0.1 })).toMatchObject({
      side: 'sell',
      units: 0.1,
    });
    // A reversal on a swap is cut to what is left for the other side.
    const swap = createRiskLayer({ ...CONFIG.risk, ...config }).decide({
      signal: { kind: 'signal', direction: 'short', confidence: 0.8, probabilityWin: 0.9 },
      inputs: inputs({ otherExposure: 30_000, positionUnits: 0.2 }),
      breakerTripped: false,
      rules: SWAP,
    });
    expect(swap).toMatchObject({ side: 'sell', units: 0.2, positionFraction: 0 });
  });

  it('buy nothing on credit on spot, the fee included', () => {
    expect(capped({ cash: 5005 }, {})).toMatchObject({ targetUnits: 5005 / 1.001 / 30_001 });
    expect(reason(capped({ cash: -3 }, {}))).toBe('insufficient_cash');
    expect(capped({ cash: 5005 }, {}, SWAP)).toMatchObject({ targetUnits: 10_000 / 30_001 });
  });
});

describe('the loss of a day', () => {
  const limited = (over: Partial<RiskInputs>) =>
    createRiskLayer({ ...CONFIG.risk, dailyLossFraction: 0.05 }).decide({
      signal: { kind: 'signal', direction: 'long', confidence: 0.8, probabilityWin: 0.9 },
      inputs: inputs(over),
      breakerTripped: false,
      rules: SPOT,
    });
  const HOUR = 3_600_000;
  const MIDNIGHT = Date.UTC(2024, 0, 2);

  it('stops entries at its limit, and lets exits through', () => {
    expect(limited({ dayLowEquity: 95_001 }).kind).toBe('order');
    expect(reason(limited({ dayLowEquity: 95_000 }))).toBe('daily_loss');
    expect(limited({ dayLowEquity: 90_000, positionUnits: 0.5 })).toMatchObject({ side: 'sell' });
  });

  it('is measured from the end of the day before, and stays for the day whatever equity does', () => {
    const day = new DayLoss();
    day.update(100, MIDNIGHT - HOUR);
    day.update(110, MIDNIGHT);
    day.update(99, MIDNIGHT + HOUR);
    expect(dayLossOf(day.startEquity, day.lowEquity)).toBeCloseTo(0.1, 12);
    day.update(120, MIDNIGHT + 5 * HOUR);
    expect(dayLossOf(day.startEquity, day.lowEquity)).toBeCloseTo(0.1, 12);
    // A late bar of yesterday does not bring yesterday back.
    day.update(119, MIDNIGHT - HOUR);
    expect(day.dayMs).toBe(MIDNIGHT);
    day.update(119, MIDNIGHT + 25 * HOUR);
    expect(day.dayMs).toBe(MIDNIGHT + 24 * HOUR);
    expect([day.startEquity, day.lowEquity]).toEqual([119, 119]);
    // Bars of a whole day are days of their own.
    day.update(100, MIDNIGHT + 48 * HOUR);
    day.update(90, MIDNIGHT + 72 * HOUR);
    expect(dayLossOf(day.startEquity, day.lowEquity)).toBeCloseTo(0.1, 12);
  });

  it('is kept over a restart, and over a deposit', () => {
    const day = new DayLoss();
    day.update(100, MIDNIGHT);
    day.update(96, MIDNIGHT + HOUR);
    day.update(98, MIDNIGHT + 2 * HOUR);
    const again = new DayLoss();
    again.restore({
      atMs: 0,
      equity: 98,
      cash: 98,
      peakEquity: 100,
      drawdown: 0.02,
      breakerTripped: false,
      dayMs: day.dayMs,
      dayStartEquity: day.startEquity,
      dayLowEquity: day.lowEquity,
    });
    // It had recovered by then; the lowest is what counts.
    expect(again.lowEquity).toBe(96);
    again.capital(98, 196);
    again.update(190, MIDNIGHT + 3 * HOUR);
    expect([again.dayMs, again.startEquity, again.lowEquity]).toEqual([MIDNIGHT, 200, 190]);
    again.update(Number.NaN, MIDNIGHT + 4 * HOUR);
    expect(again.lowEquity).toBe(190);
  });
});

describe('the cool-down', () => {
  const cooling = (losingTrades: number, barsSinceLoss: number | null, positionUnits = 0) =>
    createRiskLayer({ ...CONFIG.risk, cooldownLosses: 3, cooldownBars: 5 }).decide({
      signal: { kind: 'signal', direction: 'long', confidence: 0.8, probabilityWin: 0.9 },
      inputs: inputs({ losingTrades, barsSinceLoss, positionUnits }),
      breakerTripped: false,
      rules: SPOT,
    });

  it('opens nothing for so many bars after so many losses in a row', () => {
    expect(cooling(2, 0).kind).toBe('order');
    expect(reason(cooling(3, 0))).toBe('cool_down');
    expect(reason(cooling(4, 4))).toBe('cool_down');
    expect(cooling(3, 5).kind).toBe('order');
    expect(cooling(3, 0, 0.5)).toMatchObject({ side: 'sell' });
  });
});

describe('the drawdown breaker', () => {
  it('trips at the limit and stays tripped until a person resumes it', () => {
    const breaker = new DrawdownBreaker(0.15);
    expect(breaker.update(100)).toBe(false);
    expect(breaker.update(85)).toBe(true);
    // A recovery does not release it
    expect(breaker.update(120)).toBe(false);
    expect(breaker.tripped).toBe(true);
    breaker.resume(120);
    expect(breaker.tripped).toBe(false);
    expect(breaker.update(103)).toBe(false);
    expect(breaker.update(102)).toBe(true);
  });

  it('keeps peak and latch over a restart', () => {
    const breaker = new DrawdownBreaker(0.15);
    breaker.restore({
      atMs: 0,
      equity: 90,
      cash: 90,
      peakEquity: 100,
      drawdown: 0.1,
      breakerTripped: false,
      ...DAY,
    });
    expect(breaker.update(85)).toBe(true);
    const again = new DrawdownBreaker(0.15);
    again.restore({
      atMs: 0,
      equity: 99,
      cash: 99,
      peakEquity: 100,
      drawdown: 0.01,
      breakerTripped: true,
      ...DAY,
    });
    again.update(99);
    expect(again.tripped).toBe(true);
  });

  it('takes no peak from an equity that is none', () => {
    const breaker = new DrawdownBreaker(0.15);
    breaker.update(100);
    expect(breaker.update(Number.NaN)).toBe(false);
    expect(breaker.peakEquity).toBe(100);
  });
});
