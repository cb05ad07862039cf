import type { DenialReason, MarketRules, RiskInputs } from '../../core/order.js';

/** The slice of the configuration that sets caps on what is held together. */
export interface CapConfig {
  readonly maxPositionFraction: number;
  /** Cap of all positions together, as a fraction of equity. */
  readonly grossFractionMax?: number | undefined;
  /** Symbols that are correlated as much share the cap of one position. */
  readonly correlationMax?: number | undefined;
}

/** A cap that a target runs into: `units` is what it leaves for the symbol, at least 0. */
export interface Cap {
  readonly units: number;
  readonly reason: DenialReason;
  readonly detail: string;
}

/** The tightest cap below a target of that many units (unsigned) at that price; null where none is in the way. */
export function capOn(
  units: number,
  price: number,
  buys: boolean,
  inputs: RiskInputs,
  rules: MarketRules,
  config: CapConfig,
): Cap | null {
  const { equity, otherExposure, correlatedExposure, cash, positionUnits } = inputs;
  let room = units * price;
  let cap: Pick<Cap, 'reason' | 'detail'> | null = null;
  if (config.grossFractionMax !== undefined) {
    const most = config.grossFractionMax * equity - otherExposure;
    if (most < room) {
      room = most;
      cap = {
        reason: 'gross_cap',
        detail: `other positions are worth ${otherExposure}; all together may be worth ${config.grossFractionMax} of equity ${equity}`,
      };
    }
  }
  if (config.correlationMax !== undefined) {
    const most = config.maxPositionFraction * equity - correlatedExposure;
    if (most < room) {
      room = most;
      cap = {
        reason: 'correlated_cap',
        detail: `positions correlated by ${config.correlationMax} or more are worth ${correlatedExposure}; with this one they share the cap of ${config.maxPositionFraction} of equity ${equity}`,
      };
    }
  }
  if (buys && rules.kind === 'spot') {
    // On spot nothing is bought on credit, and the fee has to be paid too.
    const most = positionUnits * price + Math.max(0, cash) / (1 + Number(rules.takerFeeRate));
    if (most < room) {
      room = most;
      cap = { reason: 'insufficient_cash', detail: `cash is ${cash}` };
    }
  }
  return cap === null ? null : { ...cap, units: Math.max(0, room) / price };
}
