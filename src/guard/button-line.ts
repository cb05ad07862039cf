import { messageOf } from '../core/errors.js';
import type { Gpio, InputLine } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import type { Button, ButtonEvent } from './button.js';

export interface ButtonLineEvents {
  button(event: ButtonEvent): void;
  lost(detail: string): void;
  restored(): void;
}

const REOPEN_MS = 1_000;

/**
 * The button's line kept open: read, listened to, and opened again after a fault. Any failure of line or edge source is
 * told once as lost; then the line is opened again each second. Where the bank has a thread for it, the line is also read
 * every `pollMs` from there. A press between the last guard and this one counts.
 */
export class ButtonLine {
  readonly #gpio: Gpio;
  readonly #number: number;
  readonly #pollMs: number;
  readonly #button: Button;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #events: ButtonLineEvents;
  #line: InputLine | null = null;
  #opening = false;
  #lostAtMs: number | null = null;
  #closed = false;

  constructor(
    gpio: Gpio,
    number: number,
    pollMs: number,
    button: Button,
    clock: Pick<Clock, 'monotonicMs'>,
    events: ButtonLineEvents,
  ) {
    this.#gpio = gpio;
    this.#number = number;
    this.#pollMs = pollMs;
    this.#button = button;
    this.#clock = clock;
    this.#events = events;
  }

  async open(): Promise<void> {
    if (this.#opening || this.#closed) return;
    this.#opening = true;
    try {
      const opened = await this.#gpio.input(this.#number, true);
      if (this.#closed) {
        leave(opened);
        return;
      }
      this.#listen(opened);
      const wasLost = this.#lostAtMs !== null;
      this.#lostAtMs = null;
      if (wasLost) this.#events.restored();
    } catch (error) {
      this.#lose(messageOf(error));
    } finally {
      this.#opening = false;
    }
  }

  /** One look. */
  look(): void {
    if (this.#line === null) {
      const isDue = this.#lostAtMs !== null && this.#clock.monotonicMs() - this.#lostAtMs >= REOPEN_MS;
      if (isDue) void this.open();
      return;
    }
    let level: 0 | 1;
    try {
      level = this.#line.read();
    } catch (error) {
      this.#lose(messageOf(error));
      return;
    }
    this.#sample(level);
  }

  /** A thread looks at the line too and wakes us at a change, and nothing is under way: we may look less often. */
  settled(): boolean {
    // A lost line is opened again once a second, which needs no finer looks either.
    if (this.#line === null) return this.#lostAtMs !== null;
    return this.#line.lookEvery !== undefined && this.#button.settled();
  }

  close(): void {
    this.#closed = true;
    const opened = this.#line;
    this.#line = null;
    if (opened !== null) leave(opened);
  }

  #listen(opened: InputLine): void {
    this.#line = opened;
    this.#button.reset();
    if (opened.moved?.()) this.#pass(this.#button.moved(this.#clock.monotonicMs()));
    opened.read();
    opened.onEdge((error, level) => {
      if (this.#line !== opened) return;
      if (error !== null) this.#lose(`its edge source is lost: ${error.message}`);
      else this.#pass(this.#button.edge(level, this.#clock.monotonicMs()));
    });
    opened.lookEvery?.(this.#pollMs, (error, level) => {
      if (this.#line !== opened) return;
      if (error !== null) this.#lose(messageOf(error));
      else this.#sample(level);
    });
  }

  #sample(level: 0 | 1): void {
    this.#pass(this.#button.sample(level, this.#clock.monotonicMs()));
  }

  #pass(events: readonly ButtonEvent[]): void {
    for (const event of events) this.#events.button(event);
  }

  #lose(detail: string): void {
    const first = this.#lostAtMs === null;
    this.#lostAtMs = this.#clock.monotonicMs();
    const gone = this.#line;
    this.#line = null;
    this.#button.reset();
    try {
      gone?.close();
    } catch {
      // It is lost already; what matters is told below.
    }
    if (first) this.#events.lost(`line ${this.#number} of the button: ${detail}`);
  }
}

/** The guard ends: a press from now on is for the one that follows. */
function leave(line: InputLine): void {
  if (line.leave === undefined) line.close();
  else line.leave();
}
