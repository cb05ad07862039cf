/**
 * Feature set v1 of one window of 20, written as the formulas stand in docs/design.md, in plain two-pass arithmetic and with
 * Math.log: slow, and independent of the kernels. `errorMax` bounds how far two sound ways of computing may differ, which
 * depends on how much the window cancels.
 */
export function plainRow(
  close: readonly number[],
  volume: readonly number[],
): { values: number[]; errorMax: number[] } {
  const returns = close.slice(1).map((c, i) => Math.log(c / close[i]!));
  const changes = close.slice(-15).map((c, i, window) => (i === 0 ? 0 : c - window[i - 1]!));
  const gain = mean(changes.slice(1).map((d) => Math.max(d, 0)));
  const loss = mean(changes.slice(1).map((d) => Math.max(-d, 0)));
  const prices = spread(close);
  const volumes = spread(volume);
  const moves = spread(returns.slice(-10));
  const newest = volume[volume.length - 1]!;
  const lags = [0, 1, 2, 3, 5, 10].map((k) => returns[returns.length - 1 - k]!);
  const [logReturn, ...lagged] = lags;
  const values = [
    logReturn!,
    gain === 0 && loss === 0 ? Number.NaN : loss === 0 ? 100 : 100 - 100 / (1 + gain / loss),
    (2 * prices.std) / prices.mean,
    moves.std * Math.sqrt(252),
    volumes.std === 0 ? Number.NaN : (newest - volumes.mean) / volumes.std,
    ...lagged,
  ];
  const relative = 1e-13;
  const zscoreError = volumes.std === 0 ? 0 : (relative * Math.max(...volume)) / volumes.std;
  const errorMax = values.map((x) => relative * Math.max(1, Math.abs(x)));
  errorMax[2] = (relative * Math.max(...close)) / Math.abs(prices.mean);
  errorMax[4] = Math.max(errorMax[4]!, zscoreError * (1 + Math.abs(values[4]!)));
  return { values, errorMax };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

/** Mean and standard deviation (ddof = 1); equal values have exactly none. */
function spread(values: readonly number[]): { mean: number; std: number } {
  const m = mean(values);
  if (values.every((x) => x === values[0])) return { mean: m, std: 0 };
  return { mean: m, std: Math.sqrt(values.reduce((sum, x) => sum + (x - m) ** 2, 0) / (values.length - 1)) };
}
