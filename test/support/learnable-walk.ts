import { seededRng } from '../../src/core/seeded-rng.js';
import { bell } from './labelled-rows.js';

/** A CSV of candles in which a move tends to be followed by one the other way, so that there is something to learn. */
export function learnableCsv(bars: number, stepMs: number, seed: number, pull = -0.7, startMs = 0): string {
  const random = seededRng(seed).next;
  let close = 100;
  let last = 0;
  const lines = ['timestamp_ms,open,high,low,close,volume'];
  for (let i = 0; i < bars; i++) {
    last = pull * last + 0.01 * bell(random);
    const open = close;
    close *= Math.exp(last);
    const cells = [open, Math.max(open, close), Math.min(open, close), close, 100 + 50 * random()];
    lines.push(`${startMs + i * stepMs},${cells.join(',')}`);
  }
  return `${lines.join('\n')}\n`;
}
