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

type Denial = { readonly reason: DenialReason; readonly detail: string };

function decideRisk(request: RiskRequest, config: RiskConfig): RiskDecision {
  const { signal, inputs, rules } = request;
  const closing = signal.direction === 'flat' || (signal.direction === 'short' && rules.kind === 'spot');
  const denied = conditionsDenial(request, closing);
  if (denied !== null) return { kind: 'denial', ...denied, inputs };
  // A close needs no odds.
  const probabilityWin = signal.direction === 'flat' ? 0 : signal.probabilityWin;
  const wanted = targetPosition(
    signal.direction,
    probabilityWin,
    inputs.equity,
    inputs.quote,
    inputs.averageWin,
    inputs.averageLoss,
    rules.kind,
    config,
  );
  if (!closing && wanted.kellyRaw === 0) {
    const detail = `no edge at a win probability of ${probabilityWin} with average win ${inputs.averageWin} and loss ${inputs.averageLoss}`;
    return { kind: 'denial', reason: 'kelly_zero', detail, inputs };
  }
  const target = limitGrowth(request, config, wanted, closing);
  if ('reason' in target) return { kind: 'denial', ...target, inputs };
  const tooSmall = smallDenial(request, target);
  if (tooSmall !== null) return { kind: 'denial', ...tooSmall, inputs };
  const delta = target.units - inputs.positionUnits;
  return {
    kind: 'order',
    side: delta > 0 ? 'buy' : 'sell',
    units: Math.abs(delta),
    targetUnits: target.units,
    positionFraction: target.positionFraction,
    kellyRaw: wanted.kellyRaw,
    inputs,
  };
}

/** Why nothing can be decided on at all; null where something can. */
function conditionsDenial({ signal, inputs, rules }: RiskRequest, closing: boolean): Denial | null {
  const { quote, positionUnits, equity, state } = inputs;
  // The closing orders of a halt are the guard's business; a signal moves nothing in either state.
  if (state === 'HALTED' || state === 'FLATTENING')
    return { reason: 'state_halted', detail: `the box is ${state}` };
  const priced = quote.bid > 0 && quote.ask >= quote.bid && Number.isFinite(quote.ask);
  // Without a book nothing is opened; what is held is closed within a bound from the last close.
  if (!priced || !(quote.atMs > 0 || (closing && positionUnits !== 0))) {
    const detail = `no usable quote for ${rules.symbol} (bid ${quote.bid}, ask ${quote.ask})`;
    return { reason: 'price_stale', detail };
  }
  if (closing && (positionUnits === 0 || (rules.kind === 'spot' && positionUnits < 0))) {
    const detail = `${signal.direction} on ${rules.kind} means flat, and nothing is held`;
    return { reason: 'nothing_to_close', detail };
  }
  if (!closing && !(equity > 0 && Number.isFinite(equity)))
    return { reason: 'bad_equity', detail: `equity is ${equity}` };
  return null;
}

interface Target {
  readonly units: number;
  readonly positionFraction: number;
  readonly reverses: boolean;
  /** The cap that it was cut to. */
  readonly cap: Cap | null;
}

/** The target as far as it may grow. What forbids growth still allows the part that shrinks: a reversal is cut to a close. */
function limitGrowth(
  request: RiskRequest,
  config: RiskConfig,
  wanted: { readonly units: number; readonly positionFraction: number },
  closing: boolean,
): Target | Denial {
  const { inputs, rules } = request;
  const { positionUnits, quote, equity } = inputs;
  const reverses = wanted.units * positionUnits < 0;
  const grows = (units: number) => reverses || Math.abs(units) > Math.abs(positionUnits);
  let { units, positionFraction } = wanted;
  if (grows(units)) {
    const barrier = growthBarrier(request, config);
    if (barrier !== null && !reverses) return barrier;
    if (barrier !== null) {
      units = 0;
      positionFraction = 0;
    }
  }
  if (closing || !grows(units)) return { units, positionFraction, reverses, cap: null };
  const buys = units > 0;
  const entryPrice = buys ? quote.ask : quote.bid;
  const cap = capOn(Math.abs(units), entryPrice, buys, inputs, rules, config);
  if (cap === null) return { units, positionFraction, reverses, cap };
  // A cap that is there already closes nothing: it lets nothing grow.
  const size = reverses ? cap.units : Math.max(cap.units, Math.abs(positionUnits));
  return { units: buys ? size : -size, positionFraction: (size * entryPrice) / equity, reverses, cap };
}

/** Why the difference to the target is no order: too small to trade; null where it is one. */
function smallDenial(
  { inputs, rules }: RiskRequest,
  { units: target, reverses, cap }: Target,
): Denial | null {
  const { positionUnits, quote } = inputs;
  const delta = target - positionUnits;
  const units = Math.abs(delta);
  const price = delta > 0 ? quote.ask : quote.bid;
  const tooSmall =
    units < Number(rules.amountStep) ||
    units < Number(rules.amountMin) ||
    units * price < Number(rules.notionalMin);
  if (units !== 0 && !tooSmall) return null;
  if (cap !== null) return { reason: cap.reason, detail: cap.detail };
  const resizing = target !== 0 && positionUnits !== 0 && !reverses;
  if (resizing)
    return { reason: 'already_at_target', detail: `holds ${positionUnits} of a target of ${target}` };
  const detail = `${units} at ${price} is below the market's least amount ${rules.amountMin} or notional ${rules.notionalMin}`;
  return { reason: 'below_minimum', detail };
}

/** Why the position may not grow now; null when it may. */
function growthBarrier({ inputs, breakerTripped }: RiskRequest, config: RiskConfig): Denial | null {
  if (inputs.state === 'REDUCING') return { reason: 'state_reducing', detail: 'the box is REDUCING' };
  if (breakerTripped) {
    return {
      reason: 'drawdown_halt',
      detail: `drawdown ${inputs.drawdown} from peak ${inputs.peakEquity}; the limit of ${config.drawdownHaltFraction} was reached and not yet accepted`,
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
