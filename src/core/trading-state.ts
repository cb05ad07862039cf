/** What may leave the box; docs/design.md, "Halting". From most to least free. */
const TRADING_STATES = ['ACTIVE', 'REDUCING', 'FLATTENING', 'HALTED'] as const;
export type TradingState = (typeof TRADING_STATES)[number];

/** The more restrictive of two states: anyone may move the state down. */
export function stricter(a: TradingState, b: TradingState): TradingState {
  return TRADING_STATES.indexOf(a) >= TRADING_STATES.indexOf(b) ? a : b;
}
