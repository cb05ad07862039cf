import type { ErrorCode, LiveBlockerCode } from '../core/error-catalogue.js';
import { currenciesOf, isDerivative } from '../core/symbol.js';
import { LIVE_ACKNOWLEDGEMENT } from './live-terms.js';
import { accountOf } from './paths.js';
import { PROVEN_EXCHANGES, provenSpot, REFUSED_FUTURES } from './proven-exchanges.js';
import type { Config, ExchangeConfig } from './schema.js';

/** Why real money may not be traded: a value, so that all reasons can be said at once. */
export interface LiveBlocker {
  /** ccxt id of the exchange it holds for; null for the whole box. */
  readonly exchange: string | null;
  readonly code: ErrorCode;
  /** One sentence that names the place. */
  readonly message: string;
  readonly remedy: string;
}

export type LiveTerms = Pick<
  Config,
  'mode' | 'exchange' | 'liveAcknowledgement' | 'risk' | 'execution' | 'gpio'
>;

/** All that the configuration alone says against trading real money, where it is to trade real money. */
export function liveBlockers(config: LiveTerms): readonly LiveBlocker[] {
  return accountOf(config) === 'live' ? configBlockers(config) : [];
}

/** The same of what a test network is to try: a warning there. Nobody has to acknowledge a loss that is not real. */
export function sandboxWarnings(config: LiveTerms): readonly LiveBlocker[] {
  if (accountOf(config) !== 'testnet') return [];
  return configBlockers(config).filter(({ code }) => code !== 'E_LIVE_ACKNOWLEDGEMENT');
}

function configBlockers(config: LiveTerms): readonly LiveBlocker[] {
  const refusals: LiveBlocker[] = config.exchange.flatMap((entry) => exchangeBlockers(entry, config));
  if (config.gpio.backend === 'simulated')
    refusals.push({
      exchange: null,
      code: 'E_LIVE_BUTTON',
      message: 'gpio.backend is "simulated": there would be no button to stop real money with',
      remedy: 'wire the red button and set gpio.backend = "auto"',
    });
  if (config.liveAcknowledgement !== LIVE_ACKNOWLEDGEMENT)
    refusals.push({
      exchange: null,
      code: 'E_LIVE_ACKNOWLEDGEMENT',
      message: 'mode = "live" trades real money, and liveAcknowledgement does not say that you know it',
      remedy: `write liveAcknowledgement = "${LIVE_ACKNOWLEDGEMENT}", or sandbox = true in each [[exchange]] for a test network`,
    });
  return refusals;
}

function exchangeBlockers({ id, symbols }: ExchangeConfig, { risk, execution }: LiveTerms): LiveBlocker[] {
  const found: LiveBlocker[] = [];
  const refuse = (code: LiveBlockerCode, message: string, remedy: string) =>
    found.push({ exchange: id, code, message: `${id}: ${message}`, remedy });
  const proven = provenSpot(id);
  const derivatives = symbols.filter(isDerivative);

  if (proven === undefined)
    refuse(
      'E_EXCHANGE_UNPROVEN',
      'it is not proven for live orders',
      `trade live at ${PROVEN_EXCHANGES.map((row) => `${row.id} ${row.kind}`).join(', ')}, or leave it on paper; docs/exchanges.md lists what is proven`,
    );
  if (derivatives.length > 0) {
    refuse(
      'E_LIVE_DERIVATIVE',
      `${derivatives.join(', ')} are derivatives, which are not proven for live orders: funding, margin and liquidation are not counted`,
      'trade spot symbols live, as in "BTC/USDT"',
    );
    if (derivatives.length < symbols.length)
      refuse(
        'E_LIVE_MIXED',
        'one [[exchange]] holds both spot and derivatives: half of the open orders and balances would not be checked',
        'leave one of the two kinds out',
      );
    const inverse = derivatives.filter(isInverse);
    if (inverse.length > 0)
      refuse(
        'E_LIVE_INVERSE',
        `${inverse.join(', ')} are inverse contracts, which are counted in another unit than coins`,
        'trade a symbol that is settled in its quote currency',
      );
  }
  for (const refused of REFUSED_FUTURES)
    if (refused.id.test(id) && (derivatives.length > 0 || !refused.marked))
      refuse('E_LIVE_FUTURES', refused.reason, 'leave its futures on paper');
  if (risk.protectiveStopPct > 0 && proven?.stops !== true)
    refuse(
      'E_LIVE_STOPS',
      'risk.protectiveStopPct asks for stops, and stops are not proven there: positions would be held without them',
      'trade live where stops are proven (docs/exchanges.md), or set risk.protectiveStopPct = 0 and hold without stops knowingly',
    );
  if (execution.orderType === 'market' && proven?.marketOrders !== true)
    refuse(
      'E_LIVE_MARKET_ORDERS',
      'execution.orderType is "market", and such orders are not proven there: some exchanges refuse them, or take the amount for money',
      'set execution.orderType = "limit_ioc"',
    );
  return found;
}

/** Settled in its base coin, as `BTC/USD:BTC`. */
function isInverse(symbol: string): boolean {
  const { base, settle } = currenciesOf(symbol);
  return settle === base;
}
