import { messageOf } from '../../core/errors.js';
import type { CancelOrder, CancelOutcome } from '../../core/guard-link.js';
import { decimal } from '../../core/money.js';
import { type Side, stopsInWords } from '../../core/order.js';
import { isOrderOf } from '../../core/order-owner.js';
import { RECV_WINDOW_MS, SETTLE_MS } from '../../core/settle.js';
import type { Clock } from '../../ports/time.js';
import type { CcxtOrder } from './ccxt-module.js';
import type { ConnectedExchange } from './exchange.js';
import { type Look, lookForOpenOrders, nameOf } from './open-orders.js';
import { isProtectiveStop } from './protective-stop.js';
import { urgentRequests } from './request-hold.js';
import { watchRequestLine } from './request-line.js';
import { stillHeld } from './still-held.js';

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
  /** One look after all was confirmed: cancels what has shown up, and says how many orders that were. */
  lookAgain(order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome>;
}

/** An emergency waits for no slow answer: it asks again. */
const TIMEOUT_MS = 4_000;
/** How long an answer may take before the same is asked beside it: the exchange may be well again before the time-out is over. */
const ASK_AGAIN_MS = 900;
const TIMER_EARLY_MS = 2;
const PRELOAD_RETRY_MS = 10_000;

/** Cancels through a connection of its own, for the guard whose trader does not answer. It can create nothing. */
export function createEmergencyCanceller(options: EmergencyCancellerOptions): CcxtEmergencyCanceller {
  const { clock, device, scope, symbols } = options;
  const { api, errors } = options.exchange;
  Object.assign(api, { timeout: TIMEOUT_MS });
  const line = watchRequestLine(api, clock);

  const isMine = ({ clientOrderId }: CcxtOrder) => scope === 'account' || isOrderOf(device, clientOrderId);
  /** Stops that protect a position stay, also where the halt was to flatten: without a trader nobody closes positions. */
  const isWanted = (order: CcxtOrder) => isMine(order) && !isProtectiveStop(order);

  /** Cancels what a look finds, answer by answer; a halt that is over cancels nothing any more. */
  async function look(twofold: boolean, failures: Set<string>, signal: AbortSignal): Promise<Look> {
    const asked = new Set<string>();
    const cancel = async (order: CcxtOrder) => {
      const { id = '', symbol = '' } = order;
      const name = nameOf(order);
      if (signal.aborted || asked.has(name)) return;
      asked.add(name);
      await api.cancelOrder(id, symbol, {}).catch((error: unknown) => {
        // An order that is gone needs no cancel; the list that follows tells.
        if (!(error instanceof errors.OrderNotFound)) failures.add(messageOf(error));
      });
    };
    return lookForOpenOrders(options.exchange, {
      symbols,
      account: scope === 'account',
      twofold,
      onOpen: async (orders) => void (await Promise.all(orders.filter(isWanted).map(cancel))),
    });
  }

  /**
   * Looks until there are answers, and looks again beside that while they do not come: the exchange may be well before the
   * time-out is over. Not while requests wait in ccxt's line, where more of them would hold up the cancels.
   */
  async function lookUntilAnswered(
    twofold: boolean,
    failures: Set<string>,
    signal: AbortSignal,
  ): Promise<Look> {
    const looks = [look(twofold, failures, signal)];
    for (;;) {
      const waiting = new AbortController();
      const waited = clock.sleep(ASK_AGAIN_MS, waiting.signal).then(
        () => null,
        () => null,
      );
      const answered = await Promise.race([...looks, waited]);
      waiting.abort();
      if (answered !== null) return answered;
      if (line.hangs(ASK_AGAIN_MS - TIMER_EARLY_MS) && !signal.aborted)
        looks.push(look(twofold, failures, signal));
    }
  }

  /** Orders of ours that filled since then, and what is held, in words; what cannot be asked is said to be unknown. */
  async function leftBehind(listed: readonly CcxtOrder[], sinceMs: number): Promise<string> {
    const filled = listed
      .filter((order) => isOrderOf(device, order.clientOrderId) && decimal(order.filled ?? 0).gt(0))
      .filter(({ lastTradeTimestamp, lastUpdateTimestamp, timestamp }) => {
        return (lastTradeTimestamp ?? lastUpdateTimestamp ?? timestamp ?? sinceMs) >= sinceMs;
      })
      .map((order) => `${order.clientOrderId} ${order.side} ${order.filled} ${order.symbol}`);
    const fills = filled.length === 0 ? '' : `; filled around the press: ${filled.join(', ')}`;
    return `${fills}; still held: ${await stillHeld(api, symbols)}`;
  }

  /** No answer proves nothing, and says so: how many are open is known only of what was seen. */
  function unconfirmed(left: number, unanswered: readonly string[], failures: Set<string>): CancelOutcome {
    const words = [
      ...(left > 0 ? [`${left} orders are or were just open`] : []),
      ...unanswered.slice(0, 2),
      ...[...failures].slice(0, 3),
    ];
    return {
      confirmed: false,
      openOrders: left > 0 || unanswered.length === 0 ? left : null,
      detail: `the guard cancels itself: ${words.join('; ')}`,
    };
  }

  /** Leaves in spite of a rate limit: an emergency may not wait for a minute to end. */
  async function cancelAll(signal: AbortSignal): Promise<CancelOutcome> {
    const startedMs = clock.monotonicMs();
    const startedWallMs = options.exchange.clock.wallMs();
    const failures = new Set<string>();
    await api.loadMarkets();
    const found = await lookUntilAnswered(false, failures, signal);
    if (found.unanswered.length > 0) return unconfirmed(count(found), found.unanswered, failures);
    // From here on no single list is believed: nothing may be open by any answer of two looks, the later one after whatever
    // was sent before could still have arrived.
    const first = await lookUntilAnswered(true, failures, signal);
    await clock.sleep(Math.max(0, startedMs + SETTLE_MS - clock.monotonicMs()), signal);
    const second = await lookUntilAnswered(true, failures, signal);
    const left = Math.max(count(first), count(second));
    const unanswered = [...first.unanswered, ...second.unanswered];
    if (left > 0 || unanswered.length > 0) return unconfirmed(left, unanswered, failures);
    const rest = await leftBehind(second.listed, startedWallMs - RECV_WINDOW_MS).catch(
      (error: unknown) => `; what is held could not be asked: ${messageOf(error)}`,
    );
    const named = stopsInWords(second.open.filter((order) => isMine(order)).map(stopWords));
    const stops = named === '' ? '' : `; protective stops kept: ${named}`;
    return {
      confirmed: true,
      openOrders: 0,
      detail: `the guard cancelled ${count(found)} orders itself; none is left${rest}${stops}`,
    };
  }

  async function lookAgain(signal: AbortSignal): Promise<CancelOutcome> {
    const failures = new Set<string>();
    const seen = await look(true, failures, signal);
    if (count(seen) > 0 || seen.unanswered.length > 0)
      return unconfirmed(count(seen), seen.unanswered, failures);
    return { confirmed: true, openOrders: 0, detail: 'still no order is open' };
  }

  const count = ({ open }: Look) => open.filter(isWanted).length;

  return {
    async preload(signal) {
      while (!signal.aborted) {
        try {
          await api.loadMarkets();
          // The first signed request also brings up connection and clock, and proves the key.
          const { unanswered } = await lookForOpenOrders(options.exchange, {
            symbols,
            account: scope === 'account',
            twofold: false,
            onOpen: async () => {},
          });
          if (unanswered.length === 0) return;
          options.onNotLoaded(unanswered[0]!);
        } catch (error) {
          options.onNotLoaded(messageOf(error));
        }
        await clock.sleep(PRELOAD_RETRY_MS, signal).catch(() => undefined);
      }
    },
    lookAgain: (_order, signal) => urgentRequests.run(true, () => lookAgain(signal)),
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
