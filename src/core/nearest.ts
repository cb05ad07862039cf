/** The known word that was most likely meant; undefined where none is near. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const word of known) {
    const far = given.length > 2 && word.startsWith(given) ? 1 : edits(given, word);
    if (far < least) {
      best = word;
      least = far;
    }
  }
  return best;
}

/** Letters to add, take away, change, or swap with a neighbour (optimal string alignment). */
function edits(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, k) => k)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let k = 1; k <= b.length; k++) {
      const change = rows[i - 1]![k - 1]! + (a[i - 1] === b[k - 1] ? 0 : 1);
      row[k] = Math.min(rows[i - 1]![k]! + 1, row[k - 1]! + 1, change);
      if (i > 1 && k > 1 && a[i - 1] === b[k - 2] && a[i - 2] === b[k - 1])
        row[k] = Math.min(row[k]!, rows[i - 2]![k - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
