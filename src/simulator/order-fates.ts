import { decimal, floorToStep } from '../core/money.js';
import type { FaultInjector } from './fault-injector.js';
import type { Instrument } from './instrument.js';
import type { NewOrder } from './new-order.js';
import type { SimulatedOrder } from './order-engine.js';
import type { Account, SimulatedExchange } from './simulated-exchange.js';

/** When an order that is matched later meets the book, and when it is over. Real milliseconds. */
const LATER_MS = [100, 400, 900];
const LATER_END_MS = 1200;
/** An execution after the cancel comes within this time. */
const AFTER_CANCEL_MS_MAX = 3000;

/** What the exchange does with an order it takes, where a fault has it do other than match it as it arrives. */
export class OrderFates {
  readonly #exchange: SimulatedExchange;
  readonly #timers = new Set<NodeJS.Timeout>();
  faults: FaultInjector | undefined;

  constructor(exchange: SimulatedExchange) {
    this.#exchange = exchange;
  }

  place(account: Account, request: NewOrder, instrument: Instrument): SimulatedOrder {
    const { engine } = account;
    const { clock } = this.#exchange;
    const book = () => this.#exchange.book(instrument);
    const { faults } = this;
    // What rests in the book has a life of its own already.
    const endsAtOnce =
      request.type === 'MARKET' || (request.type === 'LIMIT' && request.timeInForce === 'IOC');
    const fate = faults !== undefined && endsAtOnce ? faults.fate() : 'at_once';
    if (faults === undefined || fate === 'at_once') {
      return engine.place(request, instrument, book(), clock.wallMs());
    }
    const order = engine.accept(request, instrument, clock.wallMs());
    const fill = (tenthsMax = 10) => {
      const tenths = faults.delayMs('orders', tenthsMax);
      const part = floorToStep(order.amount.times(tenths).div(10), decimal(instrument.amountStep));
      engine.execute(order, book(), part.gt(0) ? part : order.amount, clock.wallMs());
    };
    if (fate === 'later') {
      for (const ms of LATER_MS) this.#after(ms, () => fill());
      this.#after(LATER_END_MS, () => engine.end(order, 'EXPIRED', clock.wallMs()));
      return order;
    }
    // An order that is filled to the end cannot be canceled any more.
    if (faults.delayMs('orders', 2) === 1 && order.amount.gte(decimal(instrument.amountStep).times(10)))
      fill(9);
    engine.end(order, 'CANCELED', clock.wallMs());
    if (fate === 'filled_after_cancel')
      this.#after(faults.delayMs('orders', AFTER_CANCEL_MS_MAX), () => fill());
    return order;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }
}
