import { readFileSync, watch } from 'node:fs';
import path from 'node:path';
import { decodeEntries } from '../../src/adapters/journal/entries.js';
import { scanJournal } from '../../src/adapters/journal/frames.js';
import type { OrderStatus } from '../../src/core/order.js';

/** The orders that a trader has written down, by its journal: each before a byte of it may leave. */
export interface TraderOrders {
  /** Resolves with the id of the next order that is written down. */
  next(): Promise<string>;
  /** Whether its end, or that it has none, is still to be written down. */
  isUnderWay(id: string): boolean;
  stop(): void;
}

const UNDER_WAY: readonly OrderStatus[] = ['intended', 'sent'];

export function watchOrders(journalFile: string): TraderOrders {
  const statuses = () => {
    const found = new Map<string, OrderStatus>();
    for (const text of scanJournal(readFileSync(journalFile)).texts)
      for (const entry of decodeEntries(text))
        if (entry.kind === 'order') found.set(entry.event.order.clientOrderId, entry.event.status);
    return found;
  };
  const known = new Set(statuses().keys());
  let heard: ((id: string) => void) | undefined;
  // The folder: a cut puts another file in the journal's place.
  const watcher = watch(path.dirname(journalFile), (_, file) => {
    if (file !== path.basename(journalFile)) return;
    for (const id of statuses().keys()) {
      if (known.has(id)) continue;
      known.add(id);
      heard?.(id);
    }
  });
  return {
    next: () =>
      new Promise((resolve) => {
        heard = resolve;
      }),
    isUnderWay: (id) => UNDER_WAY.includes(statuses().get(id)!),
    stop: () => watcher.close(),
  };
}
