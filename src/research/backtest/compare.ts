import { streamName } from '../../core/candle.js';
import type { BarRecord } from '../../core/records.js';

/** One value that differs between two runs over the same bars. */
export interface Difference {
  readonly stream: string;
  readonly openMs: number;
  /** The layer that made the value; `bar` when one run has no decision for the bar at all. */
  readonly layer: 'bar' | 'candle' | 'features' | 'prediction' | 'signal' | 'risk' | 'account';
  /** Path of the value inside the layer's record. */
  readonly field: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** Times that depend on when a run was made and not on what it decided. */
const NOT_COMPARED = new Set(['risk.inputs.quote.atMs', 'account.atMs']);

const LAYERS = ['candle', 'features', 'prediction', 'signal', 'risk', 'account'] as const;

/**
 * Compares two runs decision by decision, numbers bit for bit (so −0 is not 0, and NaN equals NaN). Records are matched by
 * stream and bar, whatever their order; bars that were not decided on are left out. Gives every difference, in the order
 * of `a` and then of what only `b` has. Wall times of the runs are not compared.
 */
export function compareDecisions(a: readonly BarRecord[], b: readonly BarRecord[]): Difference[] {
  const differences: Difference[] = [];
  const byBar = new Map<string, BarRecord>();
  for (const record of b) if (record.decided) byBar.set(nameOf(record), record);
  for (const record of a) {
    if (!record.decided) continue;
    const other = byBar.get(nameOf(record));
    const place = { stream: streamName(record.stream), openMs: record.candle.openMs };
    if (!other) {
      differences.push({ ...place, layer: 'bar', field: 'decided', a: true, b: false });
      continue;
    }
    byBar.delete(nameOf(record));
    for (const layer of LAYERS) {
      compareValue(layer, record[layer], other[layer], (field, left, right) =>
        differences.push({ ...place, layer, field, a: left, b: right }),
      );
    }
  }
  for (const record of byBar.values()) {
    differences.push({
      stream: streamName(record.stream),
      openMs: record.candle.openMs,
      layer: 'bar',
      field: 'decided',
      a: false,
      b: true,
    });
  }
  return differences;
}

function nameOf(record: BarRecord): string {
  return `${streamName(record.stream)}@${record.candle.openMs}`;
}

function compareValue(
  path: string,
  a: unknown,
  b: unknown,
  report: (path: string, a: unknown, b: unknown) => void,
): void {
  if (NOT_COMPARED.has(path) || Object.is(a, b)) return;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    report(path, a, b);
    return;
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    compareValue(`${path}.${key}`, left[key], right[key], report);
  }
}
