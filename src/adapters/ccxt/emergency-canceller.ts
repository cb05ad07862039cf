import { messageOf } from '../../core/errors.js';
import type { CancelOrder, CancelOutcome } from '../../core/guard-link.js';
import { inFlightMaxMsOf } from '../../core/in-flight.js';
import { decimal } from '../../core/money.js';
import { type Side, stopsInWords } from '../../core/order.js';
import { isOrderOf } from '../../core/order-owner.js';
import type { Clock } from '../../ports/time.js';
import type { CcxtOrder } from './ccxt-module.js';
import type { ConnectedExchange } from './exchange.js';
import { type Look, lookForOpenOrders, nameOf } from './open-orders.js';
import { isProtectiveStop } from './protective-stop.js';
import { urgentRequests } from './request-hold.js';
import { type RequestLine, watchRequestLine } from './request-line.js';
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
  readonly onNotLoaded: (detail: string) => void;
  /** Told of a key that may move money out: a guard needs to cancel and nothing else. */
  readonly onKeyRisk?: (detail: string) => void;
}

/** An emergency waits for no slow answer: it asks again. */
const TIMEOUT_MS = 4_000;
/** How long an answer may take before the same is asked beside it: the exchange may be well again before the time-out is over. */
const ASK_AGAIN_MS = 900;
const TIMER_EARLY_MS = 2;
const PRELOAD_RETRY_MS = 10_000;

/** Cancels through a connection of its own, for the guard whose trader does not answer. It can create nothing. */
export class CcxtEmergencyCanceller {
  readonly #options: EmergencyCancellerOptions;
  readonly #line: RequestLine;

  constructor(options: EmergencyCancellerOptions) {
    this.#options = options;
    const { api } = options.exchange;
    Object.assign(api, { timeout: TIMEOUT_MS });
    this.#line = watchRequestLine(api, options.clock);
  }

  /** Loads the markets ahead, and tries again until it has them: in an emergency nothing is left to be fetched. */
  async preload(signal: AbortSignal): Promise<void> {
    const { exchange, clock, onNotLoaded } = this.#options;
    while (!signal.aborted) {
      try {
        await exchange.api.loadMarkets();
        // The first signed request also brings up connection and clock, and proves the key.
        const { unanswered } = await this.#ask(false, async () => {});
        if (unanswered.length === 0) return await this.#askKey();
        onNotLoaded(unanswered[0]!);
      } catch (error) {
        onNotLoaded(messageOf(error));
      }
      await clock.sleep(PRELOAD_RETRY_MS, signal).catch(() => undefined);
    }
  }

  /** What is not answered is left open: a guard is ready when it can cancel, whatever else its key may do. */
  async #askKey(): Promise<void> {
    const { exchange, onKeyRisk } = this.#options;
    const rights = await exchange.dialect.keyRights?.(exchange.api).catch(() => null);
    if (rights?.withdrawals === true)
      onKeyRisk?.('it may withdraw money: take that right from the key at the exchange, now');
  }

  /** One pass: cancels what is open and says how it ended; rejects when the exchange does not answer. */
  cancelAll(_order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome> {
    // Leaves in spite of a rate limit: an emergency may not wait for a minute to end.
    return urgentRequests.run(true, () => this.#cancelAll(signal));
  }

  /** One look after all was confirmed: cancels what has shown up, and says how many orders that were. */
  lookAgain(_order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome> {
    return urgentRequests.run(true, () => this.#lookAgain(signal));
  }

  async #cancelAll(signal: AbortSignal): Promise<CancelOutcome> {
    const { exchange, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const startedWallMs = exchange.clock.wallMs();
    const { acceptedForMs } = exchange.dialect;
    const failures = new Set<string>();
    await exchange.api.loadMarkets();
    const found = await this.#lookUntilAnswered(false, failures, signal);
    if (found.unanswered.length > 0) return unconfirmed(this.#count(found), found.unanswered, failures);
    // From here on no single list is believed: nothing may be open by any answer of two looks, the later one after whatever
    // was sent before could still have arrived.
    const first = await this.#lookUntilAnswered(true, failures, signal);
    await clock.sleep(Math.max(0, startedMs + inFlightMaxMsOf(acceptedForMs) - clock.monotonicMs()), signal);
    const second = await this.#lookUntilAnswered(true, failures, signal);
    const left = Math.max(this.#count(first), this.#count(second));
    const unanswered = [...first.unanswered, ...second.unanswered];
    if (left > 0 || unanswered.length > 0) return unconfirmed(left, unanswered, failures);
    const rest = await this.#leftBehind(second.listed, startedWallMs - acceptedForMs).catch(
      (error: unknown) => `; what is held could not be asked: ${messageOf(error)}`,
    );
    return {
      confirmed: true,
      openOrders: 0,
      detail: `the guard cancelled ${this.#count(found)} orders itself; none is left${rest}${this.#stopsKept(second)}`,
    };
  }

  async #lookAgain(signal: AbortSignal): Promise<CancelOutcome> {
    const failures = new Set<string>();
    const seen = await this.#look(true, failures, signal);
    const left = this.#count(seen);
    if (left > 0 || seen.unanswered.length > 0) return unconfirmed(left, seen.unanswered, failures);
    return { confirmed: true, openOrders: 0, detail: 'still no order is open' };
  }

  /**
   * Looks until there are answers, and looks again beside that while they do not come: the exchange may be well before the
   * time-out is over. Not while requests wait in ccxt's line, where more of them would hold up the cancels.
   */
  async #lookUntilAnswered(twofold: boolean, failures: Set<string>, signal: AbortSignal): Promise<Look> {
    const looks = [this.#look(twofold, failures, signal)];
    for (;;) {
      const waiting = new AbortController();
      const waited = this.#options.clock.sleep(ASK_AGAIN_MS, waiting.signal).then(
        () => null,
        () => null,
      );
      const answered = await Promise.race([...looks, waited]);
      waiting.abort();
      if (answered !== null) return answered;
      if (this.#line.hangs(ASK_AGAIN_MS - TIMER_EARLY_MS) && !signal.aborted)
        looks.push(this.#look(twofold, failures, signal));
    }
  }

  /** Cancels what a look finds, answer by answer; a halt that is over cancels nothing any more. */
  #look(twofold: boolean, failures: Set<string>, signal: AbortSignal): Promise<Look> {
    const { api, errors } = this.#options.exchange;
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
    return this.#ask(twofold, async (orders) => {
      await Promise.all(orders.filter((order) => this.#isWanted(order)).map(cancel));
    });
  }

  #ask(twofold: boolean, onOpen: (orders: readonly CcxtOrder[]) => Promise<void>): Promise<Look> {
    const { exchange, symbols, scope } = this.#options;
    return lookForOpenOrders(exchange, { symbols, account: scope === 'account', twofold, onOpen });
  }

  /** Orders of ours that filled since then, and what is held, in words; what cannot be asked is said to be unknown. */
  async #leftBehind(listed: readonly CcxtOrder[], sinceMs: number): Promise<string> {
    const { device, exchange, symbols } = this.#options;
    const filled = listed
      .filter((order) => isOrderOf(device, order.clientOrderId) && decimal(order.filled ?? 0).gt(0))
      .filter(({ lastTradeTimestamp, lastUpdateTimestamp, timestamp }) => {
        return (lastTradeTimestamp ?? lastUpdateTimestamp ?? timestamp ?? sinceMs) >= sinceMs;
      })
      .map((order) => `${order.clientOrderId} ${order.side} ${order.filled} ${order.symbol}`);
    const fills = filled.length === 0 ? '' : `; filled around the press: ${filled.join(', ')}`;
    return `${fills}; still held: ${await stillHeld(exchange.api, symbols)}`;
  }

  #stopsKept({ open }: Look): string {
    const named = stopsInWords(open.filter((order) => this.#isMine(order)).map(stopWords));
    return named === '' ? '' : `; protective stops kept: ${named}`;
  }

  #count({ open }: Look): number {
    return open.filter((order) => this.#isWanted(order)).length;
  }

  /** Stops that protect a position stay, also where the halt was to flatten: without a trader nobody closes positions. */
  #isWanted(order: CcxtOrder): boolean {
    return this.#isMine(order) && !isProtectiveStop(order);
  }

  #isMine({ clientOrderId }: CcxtOrder): boolean {
    const { scope, device } = this.#options;
    return scope === 'account' || isOrderOf(device, clientOrderId);
  }
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

function stopWords({ side, amount, symbol, triggerPrice, stopLossPrice }: CcxtOrder) {
  return {
    side: side as Side,
    amount: String(amount ?? '?'),
    symbol: symbol ?? '?',
    triggerPrice: String(triggerPrice ?? stopLossPrice),
  };
}
