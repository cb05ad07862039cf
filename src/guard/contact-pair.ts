import type { ButtonEvent } from './button.js';

/**
 * One button read through one contact or two. Pressed when any contact is, released when all are; what cannot be undone
 * waits until all have been held. Contacts that disagree for longer than `disagreeMs` tell of a broken wire or contact.
 * Pure: the caller brings monotonic time.
 */
export class ContactPair {
  readonly #contacts: Contact[];
  readonly #disagreeMs: number;
  #differSinceMs: number | null = null;

  constructor(count: 1 | 2, disagreeMs: number) {
    this.#contacts = Array.from({ length: count }, () => 'unknown');
    this.#disagreeMs = disagreeMs;
  }

  /** What `event` of contact `index` makes of the button as a whole. */
  event(index: number, event: ButtonEvent): readonly ButtonEvent[] {
    const pressedBefore = this.#contacts.some(isPressed);
    this.#contacts[index] = event;
    if (event === 'pressed') return pressedBefore ? [] : ['pressed'];
    return this.#contacts.every((contact) => contact === event) ? [event] : [];
  }

  /** The contact is not known any more (its line was lost). */
  forget(index: number): void {
    this.#contacts[index] = 'unknown';
  }

  /** Whether they have disagreed for too long by now. */
  disagrees(atMs: number): boolean {
    const differ = this.#contacts.some(isPressed) && this.#contacts.includes('released');
    if (!differ) {
      this.#differSinceMs = null;
      return false;
    }
    this.#differSinceMs ??= atMs;
    return atMs - this.#differSinceMs > this.#disagreeMs;
  }
}

type Contact = 'unknown' | 'pressed' | 'held' | 'released';

const isPressed = (contact: Contact) => contact === 'pressed' || contact === 'held';
