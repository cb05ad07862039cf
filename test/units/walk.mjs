/** A seeded random walk of hours on the price tick, as columns of candles. */
export function walk(length, seed) {
  let state = seed >>> 0;
  const next = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const columns = { length };
  for (const name of ['openMs', 'open', 'high', 'low', 'close', 'volume'])
    columns[name] = new Float64Array(length);
  let price = 30_000;
  for (let i = 0; i < length; i++) {
    const cents = (value) => Math.round(value * 100) / 100;
    columns.openMs[i] = Date.UTC(2024, 0, 1) + i * 3_600_000;
    columns.open[i] = price;
    price = cents(price * (1 + (next() - 0.5) * 0.02));
    columns.close[i] = price;
    columns.high[i] = cents(Math.max(columns.open[i], price) * 1.001);
    columns.low[i] = cents(Math.min(columns.open[i], price) * 0.999);
    columns.volume[i] = 10 + Math.floor(next() * 1000) / 100;
  }
  return columns;
}
