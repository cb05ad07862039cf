import type { RefusalReason } from '../../refusal.js';

/** An error as Kraken says it: text within HTTP 200. https://docs.kraken.com/exchange/guides/general/errors */
export class KrakenError extends Error {}

export const errors = {
  invalidKey: () => new KrakenError('EAPI:Invalid key'),
  badSignature: () => new KrakenError('EAPI:Invalid signature'),
  badNonce: () => new KrakenError('EAPI:Invalid nonce'),
  limited: () => new KrakenError('EAPI:Rate limit exceeded'),
  tradingLimited: () => new KrakenError('EOrder:Rate limit exceeded'),
  lockedOut: () => new KrakenError('EGeneral:Temporary lockout'),
  denied: () => new KrakenError('EGeneral:Permission denied'),
  unknownPair: () => new KrakenError('EQuery:Unknown asset pair'),
  unknownMethod: () => new KrakenError('EGeneral:Unknown method'),
  invalid: (argument?: string) =>
    new KrakenError(`EGeneral:Invalid arguments${argument === undefined ? '' : `:${argument}`}`),
  price: () => new KrakenError('EOrder:Invalid price'),
  tick: () => new KrakenError('EOrder:Tick size check failed'),
  minimum: () => new KrakenError('EOrder:Order minimum not met'),
  cost: () => new KrakenError('EOrder:Cost minimum not met'),
  unavailable: () => new KrakenError('EService:Unavailable'),
  cancelOnly: () => new KrakenError('EService:Market in cancel_only mode'),
  deadline: () => new KrakenError('EService:Deadline elapsed'),
  unknownOrder: () => new KrakenError('EOrder:Unknown order'),
  invalidOrder: () => new KrakenError('EOrder:Invalid order'),
} as const;

/** What the matching engine's refusals are called here. */
export const REFUSED: Readonly<Record<RefusalReason, () => KrakenError>> = {
  marketClosed: errors.cancelOnly,
  insufficient: () => new KrakenError('EOrder:Insufficient funds'),
  duplicate: () => new KrakenError('EGeneral:Invalid arguments:cl_ord_id'),
  wouldTake: () => new KrakenError('EOrder:Post only order'),
  wouldTrigger: errors.price,
  unknownCancel: errors.unknownOrder,
};
