import { setTimeout as delay } from 'node:timers/promises';
import type { SimulatedBank } from './simulated-bank.js';

export interface LedRun {
  readonly level: 0 | 1;
  readonly ms: number;
}

/** How long the LED stays lit and dark, in milliseconds, as its line is seen from outside; the last run is cut short. */
export async function watchLed(bank: SimulatedBank, line: number, forMs: number): Promise<readonly LedRun[]> {
  const runs: LedRun[] = [];
  const endMs = performance.now() + forMs;
  let sinceMs = performance.now();
  let level = bank.level(line);
  while (performance.now() < endMs) {
    await delay(5);
    const now = bank.level(line);
    if (now === level) continue;
    runs.push({ level, ms: Math.round(performance.now() - sinceMs) });
    level = now;
    sinceMs = performance.now();
  }
  runs.push({ level, ms: Math.round(performance.now() - sinceMs) });
  return runs;
}
