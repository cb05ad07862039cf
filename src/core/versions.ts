/** Order of two versions by their three numbers, then by their suffix; without one is later than with `-…`. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => {
    const [, numbers = '', suffix = ''] = /^([\d.]+)(.*)$/.exec(version) ?? [];
    return { numbers: numbers.split('.').map(Number), suffix };
  };
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.suffix === right.suffix) return 0;
  const rank = (suffix: string) => (suffix.startsWith('-') ? 0 : suffix === '' ? 1 : 2);
  return rank(left.suffix) - rank(right.suffix) || (left.suffix < right.suffix ? -1 : 1);
}
