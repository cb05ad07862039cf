import type { Pressed } from '../test/guard/halt-presses.js';

export function pressTable(
  conditions: readonly string[],
  pressed: readonly Omit<Pressed, 'latePackets' | 'haltedMs' | 'endedMs' | 'waitedMs' | 'tookMs'>[],
): {
  readonly table: string;
  readonly sums: { readonly counted: number; readonly late: number; readonly contradictions: number };
};
