/**
 * Area under the ROC curve of `scores` against `up`: the share of pairs of one row that went up and one that did not in
 * which the former has the higher score, ties counting one half (Mann-Whitney). Null when one class is absent.
 * Counts pairs in whole numbers, so the only rounding is the last division.
 */
export function areaUnderCurve(scores: ArrayLike<number>, up: ArrayLike<boolean | number>): number | null {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let negativesBelow = 0;
  let halfWins = 0;
  for (let i = 0; i < order.length; ) {
    let j = i;
    let ups = 0;
    // The first row of a run is taken unseen, so that a score that is not even equal to itself cannot stop the count.
    do {
      if (up[order[j]!]) ups++;
      j++;
    } while (j < order.length && scores[order[j]!] === scores[order[i]!]);
    const downs = j - i - ups;
    halfWins += ups * (2 * negativesBelow + downs);
    positives += ups;
    negativesBelow += downs;
    i = j;
  }
  return positives === 0 || negativesBelow === 0 ? null : halfWins / (2 * positives * negativesBelow);
}
