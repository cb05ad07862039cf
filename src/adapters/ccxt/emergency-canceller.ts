import { messageOf } from '../../core/errors.js';
import type { CancelOrder, CancelOutcome } from '../../core/guard-link.js';
import { decimal } from '../../core/money.js';
import { type Side, stopsInWords } from '../../core/order.js';
import { isOrderOf } from '../../core/order-owner.js';
import type { Clock } from '../../ports.js';
import type { CcxtOrder } from './ccxt-module.js';
import { type ConnectedExchange, RECV_WINDOW_MS } from './exchange.js';
import { isProtectiveStop } from './protective-stop.js';
import { urgentRequests } from './request-hold.js';

export interface EmergencyCancellerOptions {
  readonly exchange: ConnectedExchange;
  readonly symbols: readonly string[];
  /** Name of the box: with `ours` its orders alone are cancelled. */
  readonly device: string;
  readonly scope: 'ours' | 'account';
  /** Time of this machine, for waiting; the exchange may live in a simulated time of its own. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** Told of each try to load the markets that fails. */
  onNotLoaded(detail: string): void;
}

export interface CcxtEmergencyCanceller {
  /** Loads the markets ahead, and tries again until it has them: in an emergency nothing is left to be fetched. */
  preload(signal: AbortSignal): Promise<void>;
  /** One pass: cancels what is open and says how it ended; rejects when the exchange does not answer. */
  cancelAll(order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome>;
}

/** An emergency waits for no slow answer: it asks again. */
const TIMEOUT_MS = 4_000;
const PRELOAD_RETRY_MS = 10_000;
/** The trader may have sent until it was ended, a second after the press, and what it sent may be on its way for this long. */
const SETTLE_MS = RECV_WINDOW_MS + 1_500;

/** Cancels through a connection of its own, for the guard whose trader does not answer. It can create nothing. */
export function createEmergencyCanceller(options: EmergencyCancellerOptions): CcxtEmergencyCanceller {
  const { clock, device, scope, symbols } = options;
  const { api, errors } = options.exchange;
  Object.assign(api, { timeout: TIMEOUT_MS });

  /**
   * What a halt is to cancel. Stops that protect a position stay, also where the halt was to flatten: without a trader
   * nobody closes positions.
   */
  async function open(): Promise<{ wanted: readonly CcxtOrder[]; stops: readonly CcxtOrder[] }> {
    const lists = scope === 'account' ? [undefined] : symbols;
    const all = (await Promise.all(lists.map((symbol) => api.fetchOpenOrders(symbol)))).flat();
    const mine =
      scope === 'account' ? all : all.filter(({ clientOrderId }) => isOrderOf(device, clientOrderId));
    const wanted = mine.filter((order) => !isProtectiveStop(order));
    return { wanted, stops: mine.filter(isProtectiveStop) };
  }

  async function cancel(orders: readonly CcxtOrder[], failures: string[]): Promise<void> {
    const results = await Promise.allSettled(
      orders.map(({ id, symbol }) => api.cancelOrder(id ?? '', symbol ?? '', {})),
    );
    for (const result of results) {
      // An order that is gone needs no cancel; the list that follows tells.
      if (result.status === 'rejected' && !(result.reason instanceof errors.OrderNotFound)) {
        failures.push(messageOf(result.reason));
      }
    }
  }

  /** Orders of ours that filled since then, and what is held, in words; what cannot be asked is said to be unknown. */
  async function leftBehind(sinceMs: number): Promise<string> {
    const filled: string[] = [];
    for (const symbol of symbols) {
      const orders = api.has.fetchOrders ? await api.fetchOrders(symbol, sinceMs) : [];
      for (const order of orders) {
        if (!isOrderOf(device, order.clientOrderId) || !decimal(order.filled ?? 0).gt(0)) continue;
        filled.push(`${order.clientOrderId} ${order.side} ${order.filled} ${symbol}`);
      }
    }
    const { total } = (await api.fetchBalance()) as { total?: Readonly<Record<string, string>> };
    const held = symbols.flatMap((symbol) => {
      const base = symbol.split(/[/:]/)[0]!;
      return decimal(total?.[base] ?? 0).gt(0) ? [`${total![base]} ${base}`] : [];
    });
    const fills = filled.length === 0 ? '' : `; filled around the press: ${filled.join(', ')}`;
    return `${fills}; still held: ${held.length === 0 ? 'nothing' : held.join(', ')}`;
  }

  /** Leaves in spite of a rate limit: an emergency may not wait for a minute to end. */
  async function cancelAll(signal: AbortSignal): Promise<CancelOutcome> {
    const startedMs = clock.monotonicMs();
    const startedWallMs = options.exchange.clock.wallMs();
    const failures: string[] = [];
    await api.loadMarkets();
    const found = await open();
    await cancel(found.wanted, failures);
    const first = await open();
    await cancel(first.wanted, failures);
    await clock.sleep(Math.max(0, startedMs + SETTLE_MS - clock.monotonicMs()), signal);
    const second = await open();
    await cancel(second.wanted, failures);
    const left = second.wanted.length;
    if (first.wanted.length > 0 || left > 0) {
      const words = [`${left} open orders after ${Math.round(SETTLE_MS / 1000)} s`, ...failures.slice(0, 3)];
      return {
        confirmed: false,
        openOrders: left,
        detail: `the guard cancels itself: ${words.join('; ')}`,
      };
    }
    const rest = await leftBehind(startedWallMs - RECV_WINDOW_MS).catch(
      (error: unknown) => `; what is held could not be asked: ${messageOf(error)}`,
    );
    const named = stopsInWords(second.stops.map(stopWords));
    const stops = named === '' ? '' : `; protective stops kept: ${named}`;
    return {
      confirmed: true,
      openOrders: 0,
      detail: `the guard cancelled ${found.wanted.length} orders itself; none is left${rest}${stops}`,
    };
  }

  return {
    async preload(signal) {
      while (!signal.aborted) {
        try {
          await api.loadMarkets();
          // The first signed request also brings up connection and clock, and proves the key.
          await open();
          return;
        } catch (error) {
          options.onNotLoaded(messageOf(error));
          await clock.sleep(PRELOAD_RETRY_MS, signal).catch(() => undefined);
        }
      }
    },
    cancelAll: (_order, signal) => urgentRequests.run(true, () => cancelAll(signal)),
  };
}

function stopWords({ side, amount, symbol, triggerPrice, stopLossPrice }: CcxtOrder) {
  return {
    side: side as Side,
    amount: String(amount ?? '?'),
    symbol: symbol ?? '?',
    triggerPrice: String(triggerPrice ?? stopLossPrice),
  };
}
