import { messageOf } from './errors.js';

/**
 * What guard and trader say to each other: one JSON object a line over a unix socket, or the same objects handed over
 * directly where the guard runs in the trader's process.
 */

/** An order of the guard to cancel what is open; `epoch` names the halt. */
export interface CancelOrder {
  readonly epoch: number;
  /** Close the positions as well (`onHalt = "flatten"`). */
  readonly flatten: boolean;
  readonly cause: string;
}

/** What came of it. `confirmed` by the two-answer rule of docs/design.md, "Halting"; `detail` is one plain sentence. */
export interface CancelOutcome {
  readonly confirmed: boolean;
  /** Orders still known to be open; null when nobody could tell. */
  readonly openOrders: number | null;
  readonly detail: string;
}

/** What cancelling came to at one of several exchanges. */
export interface ExchangeOutcome {
  readonly exchange: string;
  readonly result: PromiseSettledResult<CancelOutcome>;
}

/** The outcomes at several exchanges as one: confirmed only where each of them is. Throws when there is but one, which failed. */
export function joinOutcomes(exchanges: readonly ExchangeOutcome[]): CancelOutcome {
  const [only] = exchanges;
  if (only !== undefined && exchanges.length === 1) {
    if (only.result.status === 'rejected') throw only.result.reason;
    return only.result.value;
  }
  const outcomes = exchanges.map(({ result }): CancelOutcome => {
    if (result.status === 'fulfilled') return result.value;
    return { confirmed: false, openOrders: null, detail: `cancelling failed: ${messageOf(result.reason)}` };
  });
  const known = outcomes.reduce((sum, { openOrders }) => sum + (openOrders ?? 0), 0);
  return {
    confirmed: outcomes.every(({ confirmed }) => confirmed),
    // What is known to be open at one is known, whatever the others say or do not say.
    openOrders: known > 0 || outcomes.every(({ openOrders }) => openOrders !== null) ? known : null,
    detail: outcomes.map(({ detail }, i) => `${exchanges[i]!.exchange}: ${detail}`).join(' · '),
  };
}

/** Guard to trader. */
export type GuardMessage =
  | ({ readonly type: 'cancel' } & CancelOrder)
  | { readonly type: 'reconcile'; readonly epoch: number };

/** Trader to guard. `ack` says that the cancels are under way, `canceled` how they ended. */
export type TraderMessage =
  | { readonly type: 'hello'; readonly pid: number }
  | { readonly type: 'beat' }
  | { readonly type: 'ack'; readonly epoch: number }
  | ({ readonly type: 'canceled'; readonly epoch: number } & CancelOutcome)
  | { readonly type: 'reconciled'; readonly epoch: number }
  | { readonly type: 'halt'; readonly detail: string };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isEpoch = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 500) : '');

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a line of the trader; undefined when it is not one. The other end is not trusted. */
export function parseTraderMessage(line: string): TraderMessage | undefined {
  const value = parseObject(line);
  if (value === undefined) return undefined;
  const { type, epoch } = value;
  if (type === 'beat') return { type };
  if (type === 'halt') return { type, detail: textOf(value.detail) };
  if (type === 'hello') {
    const { pid } = value;
    return Number.isSafeInteger(pid) && (pid as number) > 1 ? { type, pid: pid as number } : undefined;
  }
  if (!isEpoch(epoch)) return undefined;
  if (type === 'ack' || type === 'reconciled') return { type, epoch };
  if (type !== 'canceled' || typeof value.confirmed !== 'boolean') return undefined;
  const openOrders = isEpoch(value.openOrders) ? value.openOrders : null;
  return { type, epoch, confirmed: value.confirmed, openOrders, detail: textOf(value.detail) };
}

/** Reads a line of the guard; undefined when it is not one. */
export function parseGuardMessage(line: string): GuardMessage | undefined {
  const value = parseObject(line);
  if (value === undefined || !isEpoch(value.epoch)) return undefined;
  const { type, epoch } = value;
  if (type === 'reconcile') return { type, epoch };
  if (type !== 'cancel' || typeof value.flatten !== 'boolean') return undefined;
  return { type, epoch, flatten: value.flatten, cause: textOf(value.cause) };
}
