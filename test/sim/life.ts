import type { Clock } from '../../src/ports/time.js';
import type { EventClock } from './event-clock.js';
import { NO_TRACE, type Trace } from './trace.js';

/** When a life ends: at this call of a port, before or after the call took effect. */
export type Fate = 'goes_on' | 'dies_before' | 'dies_after';

/**
 * One life of the trader's process. At its end everything it waits for stays unanswered forever, as in a process that
 * was killed: none of its code runs any more.
 */
export class Life {
  readonly number: number;
  readonly #draw: (call: string) => Fate;
  readonly #onDeath: (call: string) => void;
  readonly #trace: Trace;
  #dead = false;

  constructor(
    number: number,
    draw: (call: string) => Fate,
    onDeath: (call: string) => void,
    trace: Trace = NO_TRACE,
  ) {
    this.number = number;
    this.#draw = draw;
    this.#onDeath = onDeath;
    this.#trace = trace;
  }

  get dead(): boolean {
    return this.#dead;
  }

  end(call: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#trace('life ends', { life: this.number, in: call });
    this.#onDeath(call);
  }

  /** Passes an answer on, unless the life has ended by then. */
  hears<T>(answer: Promise<T>): Promise<T> {
    if (this.#dead) return new Promise(() => {});
    return new Promise((resolve, reject) => {
      answer.then(
        (value) => this.#dead || resolve(value),
        (error) => this.#dead || reject(error),
      );
    });
  }

  /** Carries a call out; the life may end in it. */
  calls<T>(name: string, work: () => Promise<T>, args: readonly unknown[] = []): Promise<T> {
    if (this.#dead) return new Promise(() => {});
    this.#trace(name, ...args);
    const fate = this.#draw(name);
    if (fate === 'dies_before') {
      this.end(name);
      return new Promise(() => {});
    }
    const answer = work();
    if (fate === 'dies_after') {
      this.end(name);
      answer.catch(() => undefined);
    }
    if (this.#trace !== NO_TRACE) this.#traceAnswer(name, answer);
    return this.hears(answer);
  }

  #traceAnswer(name: string, answer: Promise<unknown>): void {
    answer.then(
      (value) => this.#trace(`${name} →`, value),
      (error) => this.#trace(`${name} failed`, String(error)),
    );
  }

  /** The port with every one of its asynchronous methods ending with this life. */
  port<T extends object>(target: T, methods: readonly (keyof T & string)[]): T {
    const wrapped = Object.create(target) as Record<string, unknown>;
    for (const name of methods) {
      const method = target[name] as unknown as (...args: unknown[]) => Promise<unknown>;
      wrapped[name] = (...args: unknown[]) => this.calls(name, () => method.apply(target, args), args);
    }
    return wrapped as T;
  }

  clock(world: EventClock): Clock {
    return {
      wallMs: () => world.wallMs(),
      monotonicMs: () => world.monotonicMs(),
      sleep: (ms, signal) => this.hears(world.sleep(ms, signal)),
    };
  }
}
