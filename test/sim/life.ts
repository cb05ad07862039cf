import type { Clock } from '../../src/ports.js';
import type { EventClock } from './event-clock.js';

/** When a life ends: at this call of a port, before or after the call took effect. */
export type Fate = 'goes_on' | 'dies_before' | 'dies_after';

/**
 * One life of the trader's process. At its end everything it waits for stays unanswered for ever, as in a process that
 * was killed: none of its code runs any more.
 */
export class Life {
  readonly number: number;
  readonly #draw: (call: string) => Fate;
  readonly #onDeath: (call: string) => void;
  #dead = false;

  constructor(number: number, draw: (call: string) => Fate, onDeath: (call: string) => void) {
    this.number = number;
    this.#draw = draw;
    this.#onDeath = onDeath;
  }

  get dead(): boolean {
    return this.#dead;
  }

  end(call: string): void {
    if (this.#dead) return;
    this.#dead = true;
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
  calls<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise(() => {});
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
    return this.hears(answer);
  }

  /** The port with every one of its asynchronous methods ending with this life. */
  port<T extends object>(target: T, methods: readonly (keyof T & string)[]): T {
    const wrapped = Object.create(target) as Record<string, unknown>;
    for (const name of methods) {
      const method = target[name] as unknown as (...args: unknown[]) => Promise<unknown>;
      wrapped[name] = (...args: unknown[]) => this.calls(name, () => method.apply(target, args));
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
