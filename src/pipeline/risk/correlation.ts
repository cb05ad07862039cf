/** Bars from which a correlation is computed at the least; below that it is not known. */
const CORRELATION_BARS_MIN = 20;
/**
 * A correlation is computed again once in so many bars, on a fixed grid of time, from bars before that: so it does not depend
 * on the order in which the streams' bars of the same time arrive, and costs little.
 */
export const CORRELATION_STEP_BARS = 24;

/** The last closes of one stream, by open time. */
export interface CloseHistory {
  push(openMs: number, close: number): void;
  reset(): void;
  readonly length: number;
  /** The i-th last, 0 for the newest. */
  openMsAgo(i: number): number;
  closeAgo(i: number): number;
}

/** Closes that a history keeps for correlations over `bars` returns. */
export function historyBars(bars: number): number {
  return bars + CORRELATION_STEP_BARS + 2;
}

export function createCloseHistory(bars: number): CloseHistory {
  const kept = historyBars(bars);
  // Time and close of a bar side by side: with many streams in turn, each place of its own would be another miss of the cache.
  const ring = new Float64Array(2 * kept);
  let pushed = 0;
  let next = 0;
  /** Place of the i-th last in the ring. */
  const ringIndex = (i: number) => (next - 2 * (i + 1) + 4 * kept) % (2 * kept);
  return {
    push(openMs, close) {
      ring[next] = openMs;
      ring[next + 1] = close;
      next += 2;
      if (next === 2 * kept) next = 0;
      pushed++;
    },
    reset() {
      pushed = 0;
    },
    get length() {
      return Math.min(pushed, kept);
    },
    openMsAgo: (i) => ring[ringIndex(i)]!,
    closeAgo: (i) => ring[ringIndex(i) + 1]!,
  };
}

/**
 * Pearson's correlation of the simple returns between the last `bars` + 1 times before `beforeMs` at which both streams have
 * a bar. Null while there are fewer than {@link CORRELATION_BARS_MIN} returns, or one of the two has not moved.
 */
export function correlationOf(
  a: CloseHistory,
  b: CloseHistory,
  beforeMs: number,
  bars: number,
): number | null {
  const [x, y] = commonReturns(a, b, beforeMs, bars);
  const n = x.length;
  if (n < Math.min(bars, CORRELATION_BARS_MIN)) return null;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i++) {
    meanX += x[i]!;
    meanY += y[i]!;
  }
  meanX /= n;
  meanY /= n;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null;
}

/** Newest first: the order of the sums is the same whatever lies further back. */
function commonReturns(
  a: CloseHistory,
  b: CloseHistory,
  beforeMs: number,
  bars: number,
): readonly [number[], number[]] {
  const x: number[] = [];
  const y: number[] = [];
  let laterA = 0;
  let laterB = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length && x.length < bars; ) {
    const atA = a.openMsAgo(i);
    const atB = b.openMsAgo(j);
    if (atA >= beforeMs || atA > atB) i++;
    else if (atB >= beforeMs || atB > atA) j++;
    else {
      const closeA = a.closeAgo(i++);
      const closeB = b.closeAgo(j++);
      if (laterA !== 0) {
        x.push(laterA / closeA - 1);
        y.push(laterB / closeB - 1);
      }
      laterA = closeA;
      laterB = closeB;
    }
  }
  return [x, y];
}

/** Correlations of pairs of streams, kept for a step of the grid. */
export interface Correlations {
  /** Null while not known. */
  between(a: CloseHistory, b: CloseHistory, openMs: number): number | null;
  /** Known candles have changed. */
  forget(): void;
}

export function createCorrelations(bars: number, barMs: number): Correlations {
  const stepMs = CORRELATION_STEP_BARS * barMs;
  let gridMs = Number.NaN;
  let known = new Map<CloseHistory, Map<CloseHistory, number | null>>();
  return {
    between(a, b, openMs) {
      const at = Math.floor(openMs / stepMs) * stepMs;
      if (at !== gridMs) {
        gridMs = at;
        known = new Map();
      }
      let ofA = known.get(a);
      if (ofA === undefined) {
        ofA = new Map();
        known.set(a, ofA);
      }
      let found = ofA.get(b);
      if (found === undefined) {
        found = correlationOf(a, b, gridMs, bars);
        ofA.set(b, found);
      }
      return found;
    },
    forget() {
      gridMs = Number.NaN;
    },
  };
}
