import type { Gpio } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import { type ButtonEvent, createButton } from './button.js';
import { type ButtonLine, createButtonLine } from './button-line.js';
import { createContactPair } from './contact-pair.js';

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

/** The red button as a whole: its lines, their faults, and what they say together. */
export interface ButtonInput {
  open(): Promise<void>;
  /** One look at every line. */
  look(): void;
  /** Nothing is under way, and a thread wakes us at every change: looks of ours may be rarer. */
  settled(): boolean;
  close(): void;
}

export function createButtonInput(
  gpio: Gpio,
  settings: ButtonInputSettings,
  clock: Pick<Clock, 'monotonicMs'>,
  events: ButtonInputEvents,
): ButtonInput {
  const { contacts, releaseDebounceMs, holdMs } = settings;
  const pair = createContactPair(contacts.length, settings.disagreeMs);
  /** What is wrong, by its source: a contact's index, or the disagreement of both. */
  const faults = new Map<number | 'disagree', string>();
  let releasedWhileFaulty = false;

  const blame = (source: number | 'disagree', detail: string) => {
    const first = faults.size === 0;
    faults.set(source, detail);
    if (first) events.lost(detail);
  };
  const clear = (source: number | 'disagree') => {
    if (!faults.delete(source) || faults.size > 0) return;
    events.restored();
    if (releasedWhileFaulty) events.button('released');
  };
  const hear = (index: number, event: ButtonEvent) => {
    for (const whole of pair.event(index, event)) {
      releasedWhileFaulty = whole === 'released';
      // A release counts only on lines that work; it is told when they do again.
      if (whole !== 'released' || faults.size === 0) events.button(whole);
    }
  };
  const lines: ButtonLine[] = contacts.map(({ line, contact }, index) =>
    createButtonLine(
      gpio,
      line,
      settings.pollMs,
      createButton({ contact, releaseDebounceMs, holdMs }),
      clock,
      {
        button: (event) => hear(index, event),
        lost(detail) {
          pair.forget(index);
          releasedWhileFaulty = false;
          blame(index, detail);
        },
        restored: () => clear(index),
      },
    ),
  );

  return {
    async open() {
      await Promise.all(lines.map((line) => line.open()));
    },
    look() {
      for (const line of lines) line.look();
      if (!pair.disagrees(clock.monotonicMs())) clear('disagree');
      else
        blame('disagree', `the two contacts of the button disagree for more than ${settings.disagreeMs} ms`);
    },
    settled: () => lines.every((line) => line.settled()),
    close() {
      const faults: unknown[] = [];
      for (const line of lines) {
        try {
          line.close();
        } catch (error) {
          faults.push(error);
        }
      }
      if (faults.length > 0) throw faults[0];
    },
  };
}
