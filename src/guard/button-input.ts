import type { Gpio } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import { Button, type ButtonEvent } from './button.js';
import { ButtonLine } from './button-line.js';
import { ContactPair } from './contact-pair.js';

export interface ButtonContact {
  readonly line: number;
  readonly contact: 'nc' | 'no';
}

export interface ButtonInputSettings {
  /** The first, and the optional second one. */
  readonly contacts: readonly [ButtonContact] | readonly [ButtonContact, ButtonContact];
  readonly releaseDebounceMs: number;
  readonly holdMs: number;
  readonly disagreeMs: number;
  /** How often each line is looked at by a thread of its own, where the bank has one. */
  readonly pollMs: number;
}

export interface ButtonInputEvents {
  button(event: ButtonEvent): void;
  /** The button cannot be relied on; told once until `restored`. */
  lost(detail: string): void;
  restored(): void;
}

type FaultSource = number | 'disagree';

/** The red button as a whole: its lines, their faults, and what they say together. */
export class ButtonInput {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #disagreeMs: number;
  readonly #events: ButtonInputEvents;
  readonly #lines: readonly ButtonLine[];
  readonly #pair: ContactPair;
  /** What is wrong, by its source: a contact's index, or the disagreement of both. */
  readonly #faults = new Map<FaultSource, string>();
  #releasedWhileFaulty = false;

  constructor(
    gpio: Gpio,
    settings: ButtonInputSettings,
    clock: Pick<Clock, 'monotonicMs'>,
    events: ButtonInputEvents,
  ) {
    const { contacts, releaseDebounceMs, holdMs, pollMs, disagreeMs } = settings;
    this.#clock = clock;
    this.#disagreeMs = disagreeMs;
    this.#events = events;
    this.#pair = new ContactPair(contacts.length, disagreeMs);
    this.#lines = contacts.map(({ line, contact }, index) => {
      const button = new Button({ contact, releaseDebounceMs, holdMs });
      return new ButtonLine(gpio, line, pollMs, button, clock, {
        button: (event) => this.#onContact(index, event),
        lost: (detail) => this.#onLost(index, detail),
        restored: () => this.#clear(index),
      });
    });
  }

  async open(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.open()));
  }

  /** One look at every line. */
  look(): void {
    for (const line of this.#lines) line.look();
    if (!this.#pair.disagrees(this.#clock.monotonicMs())) this.#clear('disagree');
    else {
      const detail = `the two contacts of the button disagree for more than ${this.#disagreeMs} ms`;
      this.#blame('disagree', detail);
    }
  }

  /** Nothing is under way, and a thread wakes us at every change: looks of ours may be rarer. */
  settled(): boolean {
    return this.#lines.every((line) => line.settled());
  }

  close(): void {
    const faults: unknown[] = [];
    for (const line of this.#lines) {
      try {
        line.close();
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }

  #onContact(index: number, event: ButtonEvent): void {
    for (const whole of this.#pair.event(index, event)) {
      this.#releasedWhileFaulty = whole === 'released';
      // A release counts only on lines that work; it is told when they do again.
      if (whole !== 'released' || this.#faults.size === 0) this.#events.button(whole);
    }
  }

  #onLost(index: number, detail: string): void {
    this.#pair.forget(index);
    this.#releasedWhileFaulty = false;
    this.#blame(index, detail);
  }

  #blame(source: FaultSource, detail: string): void {
    const first = this.#faults.size === 0;
    this.#faults.set(source, detail);
    if (first) this.#events.lost(detail);
  }

  #clear(source: FaultSource): void {
    if (!this.#faults.delete(source) || this.#faults.size > 0) return;
    this.#events.restored();
    if (this.#releasedWhileFaulty) this.#events.button('released');
  }
}
