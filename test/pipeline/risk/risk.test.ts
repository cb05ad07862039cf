import { describe, expect, it } from 'vitest';
import type { MarketRules, RiskDecision, RiskInputs } from '../../../src/core/order.js';
import type { Direction } from '../../../src/core/signal.js';
import { createDrawdownBreaker, createRiskLayer } from '../../../src/pipeline/risk/index.js';
import { CONFIG, SPOT } from '../../support/tiny-stream.js';

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
    ...over,
  };
}

function decide(
  direction: Direction,
  over: Partial<RiskInputs> = {},
  more: { rules?: MarketRules; breakerTripped?: boolean; annualVolatilityMax?: number; p?: number } = {},
): RiskDecision {
  return createRiskLayer({ ...CONFIG.risk, annualVolatilityMax: more.annualVolatilityMax }).decide({
    signal: { kind: 'signal', direction, confidence: 0.8, probabilityWin: more.p ?? 0.9 },
    inputs: inputs(over),
    breakerTripped: more.breakerTripped ?? false,
    rules: more.rules ?? SPOT,
  });
}

const reason = (decision: RiskDecision) => (decision.kind === 'refusal' ? decision.reason : decision.side);

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

  it('refuses an entry without an edge, and leaves what is held', () => {
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

  it('refuses entries after a drawdown halt, and allows exits', () => {
    const broken = { drawdown: 0.16, equity: 84_000 };
    expect(reason(decide('long', broken, { breakerTripped: true }))).toBe('drawdown_halt');
    expect(decide('short', { ...broken, positionUnits: 0.2 }, { breakerTripped: true })).toMatchObject({
      side: 'sell',
    });
  });

  it('refuses entries in wild markets, and where volatility is not known', () => {
    const limit = { annualVolatilityMax: 0.8 };
    expect(reason(decide('long', { annualVolatility: 0.81 }, limit))).toBe('volatility');
    expect(reason(decide('long', { annualVolatility: null }, limit))).toBe('volatility');
    expect(reason(decide('long', { annualVolatility: 0.8 }, limit))).toBe('buy');
    expect(reason(decide('short', { annualVolatility: 2, positionUnits: 0.2 }, limit))).toBe('sell');
  });

  it('refuses what the market would not take', () => {
    expect(reason(decide('long', { equity: 40 }))).toBe('below_minimum');
    expect(reason(decide('long', { equity: 0 }))).toBe('bad_equity');
    expect(reason(decide('long', { equity: Number.NaN }))).toBe('bad_equity');
    expect(reason(decide('short', { positionUnits: 0.000001 }))).toBe('below_minimum');
    expect(reason(decide('long', { quote: { bid: 1, ask: 1, atMs: 0, source: 'close' } }))).toBe(
      'price_stale',
    );
  });
});

describe('the drawdown breaker', () => {
  it('trips at the limit and stays tripped until a person resumes it', () => {
    const breaker = createDrawdownBreaker(0.15);
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
    const breaker = createDrawdownBreaker(0.15);
    breaker.restore({ atMs: 0, equity: 90, cash: 90, peakEquity: 100, drawdown: 0.1, breakerTripped: false });
    expect(breaker.update(85)).toBe(true);
    const again = createDrawdownBreaker(0.15);
    again.restore({ atMs: 0, equity: 99, cash: 99, peakEquity: 100, drawdown: 0.01, breakerTripped: true });
    again.update(99);
    expect(again.tripped).toBe(true);
  });

  it('takes no peak from an equity that is none', () => {
    const breaker = createDrawdownBreaker(0.15);
    breaker.update(100);
    expect(breaker.update(Number.NaN)).toBe(false);
    expect(breaker.peakEquity).toBe(100);
  });
});
