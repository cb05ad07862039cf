import type { ButtonEvent } from './button.js';

/**
 * One button read through one contact or two. Pressed when any contact is, released when all are; what cannot be undone
 * waits until all have been held. Contacts that disagree for longer than `disagreeMs` tell of a broken wire or contact.
 * Pure: the caller brings monotonic time.
 */
export interface ContactPair {
  /** What `event` of contact `index` makes of the button as a whole. */
  event(index: number, event: ButtonEvent): readonly ButtonEvent[];
  /** The contact is not known any more (its line was lost). */
  forget(index: number): void;
  /** Whether they have disagreed for too long by now. */
  disagrees(atMs: number): boolean;
}

type Contact = 'unknown' | 'pressed' | 'held' | 'released';

export function createContactPair(count: 1 | 2, disagreeMs: number): ContactPair {
  const contacts: Contact[] = Array.from({ length: count }, () => 'unknown');
  let differSinceMs: number | null = null;
  const isPressed = (contact: Contact) => contact === 'pressed' || contact === 'held';
  return {
    event(index, event) {
      const pressedBefore = contacts.some(isPressed);
      contacts[index] = event;
      if (event === 'pressed') return pressedBefore ? [] : ['pressed'];
      return contacts.every((contact) => contact === event) ? [event] : [];
    },
    forget(index) {
      contacts[index] = 'unknown';
    },
    disagrees(atMs) {
      const differ = contacts.some(isPressed) && contacts.some((contact) => contact === 'released');
      if (!differ) {
        differSinceMs = null;
        return false;
      }
      differSinceMs ??= atMs;
      return atMs - differSinceMs > disagreeMs;
    },
  };
}
