import { messageOf } from '../core/errors.js';
import type { Gpio, InputLine } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import { ResetButton } from './reset-button.js';

const HOLD_MS = 3_000;

/** The reset button's line, where there is one. It can only arm; one that cannot be read just arms nothing. */
export class ResetInput {
  readonly #gpio: Gpio;
  readonly #number: number | undefined;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #onHeld: () => void;
  readonly #button = new ResetButton(HOLD_MS);
  #line: InputLine | null = null;
  #fault: string | null = null;

  constructor(gpio: Gpio, number: number | undefined, clock: Pick<Clock, 'monotonicMs'>, onHeld: () => void) {
    this.#gpio = gpio;
    this.#number = number;
    this.#clock = clock;
    this.#onHeld = onHeld;
  }

  /** Why it cannot be read; null where it can, or where there is none. */
  get fault(): string | null {
    return this.#fault;
  }

  async open(): Promise<void> {
    if (this.#number === undefined) return;
    try {
      this.#line = await this.#gpio.input(this.#number);
    } catch (error) {
      this.#fault = messageOf(error);
    }
  }

  /** One look. Where it may not arm, the hold begins again, from a release. */
  look(mayArm: boolean): void {
    if (this.#line === null) return;
    try {
      const level = this.#line.read();
      if (!mayArm) this.#button.reset();
      else if (this.#button.sample(level, this.#clock.monotonicMs())) this.#onHeld();
      this.#fault = null;
    } catch (error) {
      this.#fault = messageOf(error);
      this.#button.reset();
    }
  }

  close(): void {
    this.#line?.close();
  }
}
