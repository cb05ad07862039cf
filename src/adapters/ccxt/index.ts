/** Exchanges through ccxt: candles, quotes and rules (feed), orders and balances (broker). */
export { checkedAddresses } from './addresses.js';
export { type BrokerOptions, createCcxtBroker } from './broker.js';
export type { BeforeCreateLeaves } from './create-attempt.js';
export { createDeadMansSwitch, type DeadMansSwitch } from './dead-mans-switch.js';
export type { KeyPermissions, SwitchTerms } from './dialects/dialect.js';
export { dialectOf } from './dialects/table.js';
export {
  CcxtEmergencyCanceller,
  type EmergencyCancellerOptions,
} from './emergency-canceller.js';
export {
  type ConnectedExchange,
  type Credentials,
  createExchange,
  type ExchangeSettings,
} from './exchange.js';
export { exchangeOffsetMs } from './exchange-time.js';
export { createCcxtFeed, type FeedOptions } from './feed.js';
export { keyPermissions } from './key-permissions.js';
export { marketBlockers } from './market-blockers.js';
export { createOrderStream } from './order-stream.js';
