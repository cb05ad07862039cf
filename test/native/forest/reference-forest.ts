/**
 * A forest grown the slow and plain way, as an oracle: same random streams, but every cut between neighbouring values is
 * tried, rows are kept as lists, and gains are compared as exact fractions. Only for fewer than 256 distinct values a column.
 */

const MASK = (1n << 64n) - 1n;

/** splitmix64 to seed, xoshiro256** to draw. */
function createRandom(seed: bigint, stream: bigint): () => bigint {
  const split = (holder: { s: bigint }) => {
    holder.s = (holder.s + 0x9e3779b97f4a7c15n) & MASK;
    let z = holder.s;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return z ^ (z >> 31n);
  };
  const first = { s: seed };
  const mixed = { s: split(first) ^ ((stream * 0xd1342543de82ef95n) & MASK) };
  const state = [split(mixed), split(mixed), split(mixed), split(mixed)] as [bigint, bigint, bigint, bigint];
  const rotate = (x: bigint, k: bigint) => ((x << k) | (x >> (64n - k))) & MASK;
  return () => {
    const result = (rotate((state[1] * 5n) & MASK, 7n) * 9n) & MASK;
    const t = (state[1] << 17n) & MASK;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotate(state[3], 45n);
    return result;
  };
}

type Tree =
  | { readonly probability: number }
  | { readonly feature: number; readonly low: number; readonly left: Tree; readonly right: Tree };

export interface ReferenceOptions {
  readonly trees: number;
  readonly depthMax: number;
  readonly leafRowsMin: number;
  readonly featuresPerSplit: number;
  readonly seed: number;
}

/** Out-of-bag probability of each row (NaN where every tree saw it), as the plain mean over trees. */
export function referenceOutOfBag(
  rows: readonly (readonly number[])[],
  labels: readonly number[],
  options: ReferenceOptions,
): number[] {
  const count = rows.length;
  const ups = labels.filter((label) => label === 1).length;
  // Balanced weights n/(2·n_k), scaled to whole numbers.
  const classWeight = [BigInt(ups), BigInt(count - ups)] as const;
  const sums = new Array<number>(count).fill(0);
  const votes = new Array<number>(count).fill(0);
  for (let t = 0; t < options.trees; t++) {
    const next = createRandom(BigInt(options.seed), BigInt(t));
    const below = (word: bigint, bound: number) => Number((word * BigInt(bound)) >> 32n);
    const weights = new Array<number>(count).fill(0);
    for (let i = 0; i + 1 < count; i += 2) {
      const word = next();
      weights[below(word & 0xffffffffn, count)]!++;
      weights[below(word >> 32n, count)]!++;
    }
    if (count % 2 === 1) weights[below(next() >> 32n, count)]!++;

    const sumsOf = (members: readonly number[]) => {
      const w = [0n, 0n] as [bigint, bigint];
      for (const i of members) w[labels[i] as 0 | 1] += BigInt(weights[i]!) * classWeight[labels[i] as 0 | 1];
      return w;
    };
    const grow = (members: readonly number[], depth: number): Tree => {
      const all = sumsOf(members);
      const leaf = { probability: Number(all[1]) / Number(all[0] + all[1]) };
      if (all[0] === 0n || all[1] === 0n || depth >= options.depthMax) return leaf;
      if (members.length < 2 * options.leafRowsMin) return leaf;
      const order = rows[0]!.map((_, f) => f);
      let best: { feature: number; low: number; gain: readonly [bigint, bigint] } | undefined;
      let varies = false;
      for (let drawn = 0; !varies && drawn < order.length; ) {
        const wanted = drawn === 0 ? Math.min(options.featuresPerSplit, order.length) : 1;
        for (let k = drawn; k < drawn + wanted; k++) {
          const chosen = k + below(next() >> 32n, order.length - k);
          [order[k], order[chosen]] = [order[chosen]!, order[k]!];
        }
        for (const feature of order.slice(drawn, drawn + wanted)) {
          const values = [...new Set(members.map((i) => rows[i]![feature]!))].sort((a, b) => a - b);
          if (values.length > 1) varies = true;
          for (const low of values.slice(0, -1)) {
            const left = members.filter((i) => rows[i]![feature]! <= low);
            if (left.length < options.leafRowsMin) continue;
            if (members.length - left.length < options.leafRowsMin) continue;
            const part = sumsOf(left);
            const w = part[0] + part[1];
            const rest = all[0] + all[1] - w;
            // Decrease of the weighted Gini impurity, but for a factor of the node: (b·W − B·w)²/(w·(W − w)).
            const distance = part[1] * (all[0] + all[1]) - all[1] * w;
            const gain = [distance * distance, w * rest] as const;
            if (gain[0] > 0n && (best === undefined || gain[0] * best.gain[1] > best.gain[0] * gain[1])) {
              best = { feature, low, gain };
            }
          }
        }
        drawn += wanted;
      }
      if (best === undefined) return leaf;
      const { feature, low } = best;
      return {
        feature,
        low,
        left: grow(
          members.filter((i) => rows[i]![feature]! <= low),
          depth + 1,
        ),
        right: grow(
          members.filter((i) => rows[i]![feature]! > low),
          depth + 1,
        ),
      };
    };
    const tree = grow(
      rows.flatMap((_, i) => (weights[i]! > 0 ? [i] : [])),
      0,
    );
    // The fast forest cuts half-way between the neighbours among all rows, so a row out of the bag may fall between a
    // node's neighbours. Both agree when the cut is placed as there: above `low` and below the next value of any row.
    for (let i = 0; i < count; i++) {
      if (weights[i]! > 0) continue;
      let at = tree;
      while ('feature' in at) at = rows[i]![at.feature]! <= at.low ? at.left : at.right;
      sums[i]! += at.probability;
      votes[i]!++;
    }
  }
  return sums.map((sum, i) => (votes[i] === 0 ? Number.NaN : sum / votes[i]!));
}
