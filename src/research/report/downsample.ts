/** Points of one chart above which it is thinned out: far more than a screen has columns. */
const CHART_POINTS_MAX = 5000;

/**
 * Places to keep of series that share one time axis, rising, at most about `pointsMax` of them: of each bucket of
 * neighbours the lowest and the highest point of every series, so that no peak and no fall is lost to the eye, and the
 * very first and last place. All places when there are few. NaN is passed over.
 */
export function chartPlaces(
  length: number,
  series: readonly ArrayLike<number>[],
  pointsMax: number = CHART_POINTS_MAX,
): Uint32Array {
  if (length <= pointsMax) return Uint32Array.from({ length }, (_, i) => i);
  const buckets = Math.max(1, Math.floor(pointsMax / (2 * series.length)));
  const kept: number[] = [0];
  for (let b = 0; b < buckets; b++) {
    const from = Math.floor((b * length) / buckets);
    const to = Math.floor(((b + 1) * length) / buckets);
    const places = new Set<number>();
    for (const values of series) {
      let low = -1;
      let high = -1;
      for (let i = from; i < to; i++) {
        const value = values[i]!;
        if (Number.isNaN(value)) continue;
        if (low < 0 || value < values[low]!) low = i;
        if (high < 0 || value > values[high]!) high = i;
      }
      if (low >= 0) places.add(low).add(high);
    }
    kept.push(...[...places].sort((a, b) => a - b));
  }
  kept.push(length - 1);
  return Uint32Array.from(new Set(kept));
}

/**
 * Every n-th place that has a value, at most `pointsMax`. For clouds of dots and for noise, where keeping the extremes of
 * each bucket would draw an edge that is not there.
 */
export function evenPlaces(
  values: ArrayLike<number>,
  pointsMax: number,
): { readonly places: Uint32Array; readonly step: number } {
  const known: number[] = [];
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) known.push(i);
  const { items, step } = thinOut(known, pointsMax);
  return { places: Uint32Array.from(items), step };
}

/** Every n-th element so that at most `max` are left; the step is 1 when all are. */
export function thinOut<T>(
  items: readonly T[],
  max: number,
): { readonly items: readonly T[]; readonly step: number } {
  const step = Math.max(1, Math.ceil(items.length / max));
  return { items: step === 1 ? items : items.filter((_, i) => i % step === 0), step };
}
