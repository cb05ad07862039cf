import type { Instrument } from '../../instrument.js';
import type { BookChanges, Level, SyntheticBook } from '../../synthetic-book.js';

export function bookTickerStream(instrument: Instrument): string {
  return `${instrument.id.toLowerCase()}@bookTicker`;
}

/** Both speeds of the diff stream; the simulator publishes on change, whatever the speed asked for. */
export function depthStreams(instrument: Instrument): readonly string[] {
  const id = instrument.id.toLowerCase();
  return [`${id}@depth`, `${id}@depth@100ms`];
}

export function bookTickerEvent(instrument: Instrument, book: SyntheticBook): string {
  const [bid] = book.bids(1);
  const [ask] = book.asks(1);
  return JSON.stringify({
    u: book.updateId,
    s: instrument.id,
    b: bid?.price.toFixed(8) ?? '0.00000000',
    B: bid?.size.toFixed(8) ?? '0.00000000',
    a: ask?.price.toFixed(8) ?? '0.00000000',
    A: ask?.size.toFixed(8) ?? '0.00000000',
  });
}

/** A diff of the book: size zero removes a level. `U` and `u` are the first and last update it covers. */
export function depthEvent(instrument: Instrument, changes: BookChanges, atMs: number): string {
  return JSON.stringify({
    e: 'depthUpdate',
    E: atMs,
    s: instrument.id,
    U: changes.firstUpdateId,
    u: changes.lastUpdateId,
    b: changes.bids.map(levelText),
    a: changes.asks.map(levelText),
  });
}

function levelText({ price, size }: Level): readonly [string, string] {
  return [price.toFixed(8), size.toFixed(8)];
}
