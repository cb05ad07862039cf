import type { TradingState } from '../../src/core/trading-state.js';
import type { GuardRequests, PermitReading } from '../../src/ports/guard.js';
import type { Rng } from '../../src/ports/time.js';
import type { EventClock } from './event-clock.js';
import { NO_TRACE, type Trace } from './trace.js';

/**
 * The guard as the trader sees it: a permit that may be gone at any moment, a state, and requests asked for. After a halt a
 * person arms it again; then it stays REDUCING until the trader has reconciled.
 */
export interface SimulatedGuard {
  readonly state: TradingState;
  permit(): PermitReading;
  /** Draws what happens around one bar. */
  aroundBar(rng: Rng): void;
  /** The trader's requests change hands with each of its lives; null while it is dead. */
  serve(requests: GuardRequests | null): void;
  /** Ends all trouble. */
  heal(): void;
  readonly halts: number;
}

export function createSimulatedGuard(clock: EventClock, trace: Trace = NO_TRACE): SimulatedGuard {
  let state: TradingState = 'REDUCING';
  let lapsedUntilMs = 0;
  let epoch = 1;
  let halts = 0;
  let requests: GuardRequests | null = null;

  function halt(forMs: number): void {
    halts++;
    epoch++;
    state = 'HALTED';
    trace('halt', { epoch });
    const halted = epoch;
    void requests?.cancelAll({ cause: 'button', epoch, flatten: false }).catch(() => undefined);
    clock.after(forMs, () => {
      if (epoch === halted && state === 'HALTED') rearm();
    });
  }

  function rearm(): void {
    epoch++;
    state = 'REDUCING';
    trace('armed', { epoch });
    reconcile(epoch);
  }

  function reconcile(asked: number): void {
    const again = () => {
      if (epoch === asked && state === 'REDUCING') clock.after(1000, () => reconcile(asked));
    };
    if (requests === null) {
      again();
      return;
    }
    const served = requests;
    served.reconcile().then(() => {
      if (epoch === asked && served === requests) {
        state = 'ACTIVE';
        trace('active', { epoch });
      } else again();
    }, again);
  }

  return {
    get state() {
      return state;
    },
    get halts() {
      return halts;
    },
    permit() {
      if (state === 'HALTED') return { ok: false, reason: 'revoked' };
      if (clock.monotonicMs() < lapsedUntilMs) return { ok: false, reason: 'lapsed' };
      return { ok: true, state, epoch, expiresMonotonicMs: clock.monotonicMs() + 500 };
    },
    aroundBar(rng) {
      const roll = rng.next();
      // The order path takes about a second after the close: that is where trouble bites.
      const whenMs = rng.next() * 1500;
      if (roll < 0.02) clock.after(whenMs, () => halt(1000 + rng.next() * 4 * 3_600_000));
      else if (roll < 0.05) {
        clock.after(whenMs, () => {
          lapsedUntilMs = clock.monotonicMs() + 200 + rng.next() * 5000;
          trace('permit lapses', { forMs: lapsedUntilMs - clock.monotonicMs() });
        });
      } else if (roll < 0.06 && state === 'ACTIVE') {
        clock.after(whenMs, () => {
          if (state !== 'ACTIVE') return;
          epoch++;
          state = 'REDUCING';
          trace('reducing', { epoch });
          const reducing = epoch;
          clock.after(rng.next() * 2 * 3_600_000, () => reconcile(reducing));
        });
      }
    },
    serve(next) {
      requests = next;
      if (next === null) {
        if (state === 'ACTIVE') {
          epoch++;
          state = 'REDUCING';
        }
        return;
      }
      if (state === 'REDUCING') reconcile(++epoch);
    },
    heal() {
      lapsedUntilMs = 0;
      if (state === 'HALTED') rearm();
    },
  };
}
