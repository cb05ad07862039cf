/** One row of a reliability table: what was said, and what came. */
export interface ReliabilityRow {
  /** The bin is (low, high]; the first takes 0 too. */
  readonly low: number;
  readonly high: number;
  readonly rows: number;
  readonly meanProbability: number;
  readonly shareUp: number;
}

/** The table over equal bins of probability; empty bins are left out. Rows without a probability (NaN) do not count. */
export function reliabilityTable(
  probabilities: ArrayLike<number>,
  up: ArrayLike<boolean | number>,
  bins = 10,
): ReliabilityRow[] {
  const rows = new Float64Array(bins);
  const sums = new Float64Array(bins);
  const ups = new Float64Array(bins);
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (Number.isNaN(p)) continue;
    let bin = Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1));
    // The product rounds; the edges themselves decide.
    if (bin > 0 && p <= bin / bins) bin--;
    rows[bin]!++;
    sums[bin]! += p;
    if (up[i]) ups[bin]!++;
  }
  const table: ReliabilityRow[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const count = rows[bin]!;
    if (count === 0) continue;
    table.push({
      low: bin / bins,
      high: (bin + 1) / bins,
      rows: count,
      meanProbability: sums[bin]! / count,
      shareUp: ups[bin]! / count,
    });
  }
  return table;
}
