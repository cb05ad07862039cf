const WORDS = {
  marketClosed: 'the market is closed',
  insufficient: 'insufficient balance',
  duplicate: 'Duplicate order: the client order id is of an open order',
  wouldTake: 'the order would immediately match',
  wouldTrigger: 'the stop would trigger immediately',
  unknownCancel: 'Unknown order',
} as const;

export type RefusalReason = keyof typeof WORDS;

/** The matching engine does not take a request. How that is answered is for the dialect to say. */
export class Refusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(WORDS[reason]);
    this.name = 'Refusal';
    this.reason = reason;
  }
}
