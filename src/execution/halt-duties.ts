import { messageOf } from '../core/errors.js';
import type { CancelOutcome } from '../core/guard-link.js';
import { type OrderReport, stopsInWords } from '../core/order.js';
import type { Broker } from '../ports/broker.js';
import type { TraderDuties } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import type { Reconciliation } from './reconciliation.js';

export interface HaltDutiesOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly symbols: readonly string[];
  /** Whether an id was given by this box: a halt cancels these orders and no others. */
  readonly isOurs: (clientOrderId: string) => boolean;
  /** `recvWindow` and margin: an order that was on its way can show up this long after it was sent. 0 on paper. */
  readonly settleMs: number;
  /** Asks for every order whose outcome is unknown; resolves to how many are left. */
  readonly settle: () => Promise<number>;
  /** Whose orders a halt cancels: those with our prefix, or all of the account. */
  readonly scope: 'ours' | 'account';
  /** Closes all positions through the gate; what could not be closed, in words. */
  readonly flatten: () => Promise<readonly string[]>;
  /** What is held, in words. */
  readonly positions: () => readonly string[];
  /** From now on the exchange and the store do not agree, until a comparison has shown it again. */
  readonly doubt?: () => void;
  /** Compares orders, fills and balances with the exchange; null on paper. */
  readonly compare?: () => Promise<Reconciliation | null>;
}

/** Orders live for seconds: what was sent before the press is younger than this. */
const RECENT_MS = 600_000;

/**
 * What the trader does when the guard asks: cancel what is open and say so truthfully, and reconcile before entries.
 * Confirmed means that nothing was open by any answer of two successive looks, the later one after anything sent before
 * could still have arrived. An exchange's list of open orders may be wrong: its list of recent orders is read beside it.
 */
export function createHaltDuties(options: HaltDutiesOptions): TraderDuties {
  const { broker, clock } = options;

  /** What a halt is to cancel, and the protective stops that it leaves alone. */
  async function open(
    flatten: boolean,
    twofold: boolean,
  ): Promise<{ wanted: readonly OrderReport[]; stops: readonly OrderReport[] }> {
    const [listed, recent] = await Promise.all([
      broker.openOrders(options.scope === 'account' ? [] : options.symbols),
      twofold && broker.kind === 'live' ? broker.history(options.symbols, clock.wallMs() - RECENT_MS) : [],
    ]);
    const rests = recent.filter(({ status }) => status === 'accepted' || status === 'partially_filled');
    const all = [
      ...new Map(
        // Some exchanges number the orders of each symbol by themselves.
        [...rests, ...listed].map((order) => [
          `${order.symbol} ${order.exchangeOrderId ?? order.clientOrderId}`,
          order,
        ]),
      ).values(),
    ];
    const mine =
      options.scope === 'account' ? all : all.filter((order) => options.isOurs(order.clientOrderId));
    const wanted = mine.filter((order) => flatten || order.protective !== true);
    return { wanted, stops: mine.filter((order) => !wanted.includes(order)) };
  }

  async function cancel(orders: readonly OrderReport[], failures: string[]): Promise<void> {
    await Promise.all(
      orders.map((order) =>
        broker.cancel(order.clientOrderId, order.symbol).catch((error: unknown) => {
          failures.push(`${order.clientOrderId}: ${messageOf(error)}`);
        }),
      ),
    );
  }

  return {
    async cancelAll({ flatten }): Promise<CancelOutcome> {
      const askedMs = clock.monotonicMs();
      const failures: string[] = [];
      const found = await open(flatten, false);
      await cancel(found.wanted, failures);
      const first = await open(flatten, true);
      await cancel(first.wanted, failures);
      // Positions are closed beside the wait: the market does not wait for a second answer.
      const unclosed = flatten ? await options.flatten() : [];
      await clock.sleep(Math.max(0, askedMs + options.settleMs - clock.monotonicMs()));
      const second = await open(flatten, true);
      await cancel(second.wanted, failures);
      const unknown = await options.settle();
      const left = second.wanted.length + unknown;
      const held = options.positions();
      const rest = [
        `still held: ${held.length === 0 ? 'nothing' : held.join(', ')}`,
        ...(second.stops.length > 0 ? [`protective stops kept: ${stopsInWords(second.stops)}`] : []),
      ];
      if (first.wanted.length === 0 && left === 0 && unclosed.length === 0) {
        return { confirmed: true, openOrders: 0, detail: ['no open order is left', ...rest].join('; ') };
      }
      const words = [
        `${second.wanted.length} open order${second.wanted.length === 1 ? '' : 's'}`,
        ...(unknown > 0 ? [`${unknown} of unknown outcome`] : []),
        ...unclosed.map((reason) => `not closed: ${reason}`),
        ...failures.slice(0, 3),
        ...rest,
      ];
      return { confirmed: false, openOrders: left, detail: words.join('; ') };
    },
    async reconcile() {
      options.doubt?.();
      const left = await options.settle();
      if (left > 0) throw new Error(`${left} orders have an unknown outcome`);
      const result = (await options.compare?.()) ?? null;
      if (result !== null && result.kind !== 'agreed') throw new Error(result.detail);
    },
  };
}
