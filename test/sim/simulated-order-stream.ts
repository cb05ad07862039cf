import type { OrderUpdate } from '../../src/core/order.js';
import type { OrderStream } from '../../src/ports/broker.js';
import type { SimulatedExchange } from '../../src/simulator/simulated-exchange.js';
import type { EventClock } from './event-clock.js';
import type { FaultPlan } from './fault-plan.js';
import type { Life } from './life.js';

/** How often a word is lost, comes twice, or comes late: after later ones, too. */
const LOST = 0.2;
const TWICE = 0.2;
const LATE = 0.3;
const BREAKS = 0.02;

/** The exchange's word on our orders over a line that loses, doubles, delays and reorders it, and breaks. */
export function createSimulatedOrderStream(
  exchange: SimulatedExchange,
  clock: EventClock,
  plan: FaultPlan,
  life: Life,
  onWord: (hint: OrderUpdate) => void,
): OrderStream {
  return (onUpdate, signal) =>
    life.hears(
      new Promise<void>((resolve, reject) => {
        exchange.onAccountEvent = (_apiKey, event) => {
          if (event.kind !== 'order' || life.dead || signal.aborted || plan.chance(LOST)) return;
          const { clientOrderId, filled, instrument } = event.order;
          const hint = { clientOrderId, symbol: instrument.symbol, filled: filled.toFixed() };
          for (let copies = plan.chance(TWICE) ? 2 : 1; copies > 0; copies--) {
            const afterMs = plan.chance(LATE) ? plan.delayMs(200, 20_000) : plan.delayMs(5, 60);
            clock.after(afterMs, () => {
              if (life.dead || signal.aborted) return;
              onWord(hint);
              onUpdate(hint);
            });
          }
          if (plan.chance(BREAKS)) reject(new Error('the line broke'));
        };
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    );
}
