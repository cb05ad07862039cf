import type { DenialReason, MarketRules, RiskDecision, RiskInputs } from '../../core/order.js';
import type { SignalResult } from '../../core/signal.js';
import { dayLossOf } from '../../portfolio/day-loss.js';
import { type Cap, capOn } from './caps.js';
import { targetPosition } from './sizing.js';

/** The configuration's `risk` slice; what is left out is no limit. `drawdownHaltFraction` is the circuit breaker's; the breaker itself keeps it. */
export interface RiskConfig {
  readonly kellyFraction: number;
  readonly maxPositionFraction: number;
  readonly drawdownHaltFraction: number;
  readonly annualVolatilityMax?: number | undefined;
  /** Nothing is opened on a row of which a larger share of features lies outside the model's training. */
  readonly outsideTrainingMax?: number | undefined;
  readonly grossFractionMax?: number | undefined;
  readonly correlationMax?: number | undefined;
  readonly correlationBars?: number | undefined;
  /** Loss of a day, as a fraction of what it began with, after which nothing is opened until the next. */
  readonly dailyLossFraction?: number | undefined;
  /** After so many losing trades in a row nothing is opened for `cooldownBars`; 0 or absent = no cool-down. */
  readonly cooldownLosses?: number | undefined;
  readonly cooldownBars?: number | undefined;
}

export interface RiskRequest {
  readonly signal: Extract<SignalResult, { kind: 'signal' }>;
  readonly inputs: RiskInputs;
  /** The drawdown circuit breaker's latch. */
  readonly breakerTripped: boolean;
  readonly rules: MarketRules;
}

/** Layer 5: sizes to a target position, or denies with a reason. A pure function of its request and configuration. */
export interface RiskLayer {
  decide(request: RiskRequest): RiskDecision;
}

export function createRiskLayer(config: RiskConfig): RiskLayer {
  return { decide: (request) => decideRisk(request, config) };
}

function decideRisk(request: RiskRequest, config: RiskConfig): RiskDecision {
  const { signal, inputs, rules } = request;
  const { quote, positionUnits, equity } = inputs;
  const deny = (reason: DenialReason, detail: string): RiskDecision => ({
    kind: 'denial',
    reason,
    detail,
    inputs,
  });

  if (inputs.state === 'HALTED' || inputs.state === 'FLATTENING') {
    // The closing orders of a halt are the guard's business; a signal moves nothing in either state.
    return deny('state_halted', `the box is ${inputs.state}`);
  }
  const closing = signal.direction === 'flat' || (signal.direction === 'short' && rules.kind === 'spot');
  const priced = quote.bid > 0 && quote.ask >= quote.bid && Number.isFinite(quote.ask);
  // Without a book nothing is opened; what is held is closed within a bound from the last close.
  if (!priced || !(quote.atMs > 0 || (closing && positionUnits !== 0))) {
    return deny('price_stale', `no usable quote for ${rules.symbol} (bid ${quote.bid}, ask ${quote.ask})`);
  }

  if (closing && (positionUnits === 0 || (rules.kind === 'spot' && positionUnits < 0))) {
    return deny('nothing_to_close', `${signal.direction} on ${rules.kind} means flat, and nothing is held`);
  }
  if (!closing && !(equity > 0 && Number.isFinite(equity))) {
    return deny('bad_equity', `equity is ${equity}`);
  }

  // A close needs no odds.
  const probabilityWin = signal.direction === 'flat' ? 0 : signal.probabilityWin;
  const target = targetPosition(
    signal.direction,
    probabilityWin,
    equity,
    quote,
    inputs.averageWin,
    inputs.averageLoss,
    rules.kind,
    config,
  );
  if (!closing && target.kellyRaw === 0) {
    return deny(
      'kelly_zero',
      `no edge at a win probability of ${probabilityWin} with average win ${inputs.averageWin} and loss ${inputs.averageLoss}`,
    );
  }

  // What forbids growth still allows the part of the order that shrinks: a reversal is cut to a close.
  let targetUnits = target.units;
  let positionFraction = target.positionFraction;
  const reverses = targetUnits * positionUnits < 0;
  const grows = reverses || Math.abs(targetUnits) > Math.abs(positionUnits);
  if (grows) {
    const barrier = growthBarrier(request, config);
    if (barrier !== null && !reverses) return deny(barrier.reason, barrier.detail);
    if (barrier !== null) {
      targetUnits = 0;
      positionFraction = 0;
    }
  }

  let cap: Cap | null = null;
  if (!closing && (reverses || Math.abs(targetUnits) > Math.abs(positionUnits))) {
    const buys = targetUnits > 0;
    const entryPrice = buys ? quote.ask : quote.bid;
    cap = capOn(Math.abs(targetUnits), entryPrice, buys, inputs, rules, config);
    if (cap !== null) {
      // A cap that is there already closes nothing: it lets nothing grow.
      const size = reverses ? cap.units : Math.max(cap.units, Math.abs(positionUnits));
      targetUnits = buys ? size : -size;
      positionFraction = (size * entryPrice) / equity;
    }
  }

  const delta = targetUnits - positionUnits;
  const units = Math.abs(delta);
  const price = delta > 0 ? quote.ask : quote.bid;
  const tooSmall =
    units < Number(rules.amountStep) ||
    units < Number(rules.amountMin) ||
    units * price < Number(rules.notionalMin);
  if (units === 0 || tooSmall) {
    if (cap !== null) return deny(cap.reason, cap.detail);
    const resizing = targetUnits !== 0 && positionUnits !== 0 && !reverses;
    return resizing
      ? deny('already_at_target', `holds ${positionUnits} of a target of ${targetUnits}`)
      : deny(
          'below_minimum',
          `${units} at ${price} is below the market's least amount ${rules.amountMin} or notional ${rules.notionalMin}`,
        );
  }
  return {
    kind: 'order',
    side: delta > 0 ? 'buy' : 'sell',
    units,
    targetUnits,
    positionFraction,
    kellyRaw: target.kellyRaw,
    inputs,
  };
}

/** Why the position may not grow now; null when it may. */
function growthBarrier(
  { inputs, breakerTripped }: RiskRequest,
  config: RiskConfig,
): { reason: DenialReason; detail: string } | null {
  if (inputs.state === 'REDUCING') return { reason: 'state_reducing', detail: 'the box is REDUCING' };
  if (breakerTripped) {
    return {
      reason: 'drawdown_halt',
      detail: `drawdown ${inputs.drawdown} from peak ${inputs.peakEquity}; the limit of ${config.drawdownHaltFraction} was reached and nobody has resumed`,
    };
  }
  const { dailyLossFraction, cooldownLosses = 0, cooldownBars = 0 } = config;
  const dayLoss = dayLossOf(inputs.dayStartEquity, inputs.dayLowEquity);
  if (dailyLossFraction !== undefined && dayLoss >= dailyLossFraction) {
    return {
      reason: 'daily_loss',
      detail: `the day (UTC) has lost ${dayLoss} of equity ${inputs.dayStartEquity}, limit ${dailyLossFraction}`,
    };
  }
  const { losingTrades, barsSinceLoss } = inputs;
  if (cooldownLosses > 0 && losingTrades >= cooldownLosses && (barsSinceLoss ?? 0) < cooldownBars) {
    return {
      reason: 'cool_down',
      detail: `${losingTrades} losing trades in a row, the last ${barsSinceLoss} bars ago; the cool-down is ${cooldownBars} bars`,
    };
  }
  const limit = config.annualVolatilityMax;
  if (limit !== undefined && !(inputs.annualVolatility !== null && inputs.annualVolatility <= limit)) {
    return {
      reason: 'volatility',
      detail: `annual volatility ${inputs.annualVolatility ?? 'unknown'}, limit ${limit}`,
    };
  }
  const shareMax = config.outsideTrainingMax;
  if (shareMax !== undefined && !(inputs.outsideTraining !== null && inputs.outsideTraining <= shareMax)) {
    return {
      reason: 'outside_training',
      detail: `share of features outside the model's training ${inputs.outsideTraining ?? 'unknown'}, limit ${shareMax}`,
    };
  }
  return null;
}
