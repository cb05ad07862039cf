/**
 * A rising step-wise linear curve from raw probability to the share of ups: `y[i]` at `x[i]`, straight in between, flat
 * outside.
 */
export interface IsotonicCurve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/**
 * Isotonic regression by pooling adjacent violators (Ayer and others 1955; calibration: Zadrozny and Elkan 2002). Rows of
 * equal probability count as one of their weight; rows without a probability (NaN) are left out. Of a flat stretch only its
 * two ends are kept. Null without a row.
 */
export function fitIsotonic(probabilities: Float64Array, labels: ArrayLike<number>): IsotonicCurve | null {
  const order = Array.from(probabilities.keys())
    .filter((i) => !Number.isNaN(probabilities[i]!))
    .sort((a, b) => probabilities[a]! - probabilities[b]!);
  /** Blocks of a stretch [from, to] of probabilities with one value. */
  const blocks: { from: number; to: number; sum: number; weight: number }[] = [];
  for (let i = 0; i < order.length; ) {
    const p = probabilities[order[i]!]!;
    let sum = 0;
    let weight = 0;
    for (; i < order.length && probabilities[order[i]!] === p; i++) {
      sum += labels[order[i]!]!;
      weight++;
    }
    blocks.push({ from: p, to: p, sum, weight });
    while (blocks.length > 1) {
      const last = blocks.at(-1)!;
      const before = blocks.at(-2)!;
      if (before.sum * last.weight < last.sum * before.weight) break;
      blocks.pop();
      before.to = last.to;
      before.sum += last.sum;
      before.weight += last.weight;
    }
  }
  if (blocks.length === 0) return null;
  const x: number[] = [];
  const y: number[] = [];
  for (const block of blocks) {
    const value = block.sum / block.weight;
    x.push(block.from);
    y.push(value);
    if (block.to > block.from) {
      x.push(block.to);
      y.push(value);
    }
  }
  return { x, y };
}
