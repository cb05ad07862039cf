import { messageOf } from '../../core/errors.js';
import type { CcxtOrder } from './ccxt-module.js';
import type { ConnectedExchange } from './exchange.js';

/** What one look at an account's orders came to. */
export interface Look {
  /** Open by any of the answers, each once. */
  readonly open: readonly CcxtOrder[];
  /** All orders that were listed, of whatever status; empty where there is no such list. */
  readonly listed: readonly CcxtOrder[];
  /** Questions without an answer, in words. Where there are any, nothing is proven by what is missing in `open`. */
  readonly unanswered: readonly string[];
}

export interface LookQuestion {
  /** Symbols to ask for, or all of the account. */
  readonly symbols: readonly string[];
  readonly account: boolean;
  /** Ask for the list of all orders too, where the exchange has one: it knows orders that the list of open ones has left out. */
  readonly twofold: boolean;
  /** Hears of the open orders of each answer as it comes, without waiting for the others. */
  onOpen(orders: readonly CcxtOrder[]): Promise<void>;
}

/** Some exchanges number the orders of each symbol by themselves, and an order may come without a number. */
export function nameOf({ id, symbol, clientOrderId }: CcxtOrder): string {
  return `${symbol ?? ''} ${id ?? clientOrderId ?? ''}`;
}

/** Asks for open orders in parallel, of every symbol and in every way; never rejects. Resolves when `onOpen` has, too. */
export async function lookForOpenOrders(
  { api, errors, ids, dialect }: ConnectedExchange,
  question: LookQuestion,
): Promise<Look> {
  const open = new Map<string, CcxtOrder>();
  const listed: CcxtOrder[] = [];
  const unanswered: string[] = [];

  /** An exchange may have the list by ccxt's table, and not in the way that we can ask for it. */
  const hasNoSuchList = (error: unknown) =>
    [errors.NotSupported, errors.ArgumentsRequired, errors.BadRequest].some(
      (known) => error instanceof known,
    );

  const ask = async (list: () => Promise<CcxtOrder[]>, isOptional: boolean) => {
    let orders: readonly CcxtOrder[];
    try {
      const answered = (await list()).filter(
        ({ symbol }) => question.account || symbol === undefined || symbols.includes(symbol),
      );
      orders = answered.map((order) =>
        order.clientOrderId === undefined
          ? order
          : { ...order, clientOrderId: ids.fromWire(order.clientOrderId) },
      );
    } catch (error) {
      if (!isOptional || !hasNoSuchList(error)) unanswered.push(messageOf(error));
      return;
    }
    if (isOptional) listed.push(...orders);
    const found = isOptional ? orders.filter(({ status }) => status === 'open') : orders;
    for (const order of found) open.set(nameOf(order), order);
    await question.onOpen(found);
  };

  // Nothing can be open in what is not listed, and asking for it would leave every look without an answer.
  const symbols = question.symbols.filter((symbol) => api.markets === undefined || symbol in api.markets);
  if (symbols.length === 0 && !question.account)
    unanswered.push(`${api.id} lists none of ${question.symbols.join(', ')}`);
  const asked: readonly (string | undefined)[] =
    question.account || (dialect.openOrdersOfAccount && symbols.length > 0) ? [undefined] : symbols;
  // Those of open orders first: ccxt lets requests wait in line, and cancels wait for these.
  const answers = asked.map((symbol) => ask(() => api.fetchOpenOrders(symbol), false));
  if (question.twofold && api.has.fetchOrders === true) {
    answers.push(...symbols.map((symbol) => ask(() => api.fetchOrders(symbol), true)));
  }
  await Promise.all(answers);
  return { open: [...open.values()], listed, unanswered };
}
