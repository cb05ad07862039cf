import type { CandleColumns } from '../../core/candle.js';
import { FEATURE_WINDOW } from '../../core/feature-set.js';
import type { BarRecord } from '../../core/records.js';
import type { Rng } from '../../ports/time.js';
import { compareDecisions, type Difference } from './compare.js';

/** Decides on every candle, from the first on, and gives a record for each that was accepted. */
export type Decide = (candles: CandleColumns) => Promise<readonly BarRecord[]>;

export interface BiasFinding extends Difference {
  /** What was done to the candles. */
  readonly change: 'future cut off' | 'future changed' | 'future shuffled' | 'more history';
}

export interface BiasCheck {
  /** Runs beside the first one. */
  readonly runs: number;
  /** Bars compared over all runs. */
  readonly bars: number;
  readonly findings: readonly BiasFinding[];
}

/** Bars compared before each cut: a decision that knows the future of a bar shows it near that bar. */
const COMPARED_BARS = 500;

/**
 * Shows that no decision at t knows what comes after t: at each of `cuts` places the future is cut off, changed and shuffled,
 * and what was decided until then must stay as it was, bit for bit.
 */
export async function checkLookahead(
  decide: Decide,
  candles: CandleColumns,
  cuts: number,
  rng: Rng,
  onRun?: (done: number, runs: number) => void,
): Promise<BiasCheck> {
  const base = await decide(candles);
  const findings: BiasFinding[] = [];
  let runs = 0;
  let bars = 0;
  for (let k = 1; k <= cuts; k++) {
    const cut = Math.floor((candles.length * k) / (cuts + 1));
    const cutMs = candles.openMs[cut]!;
    const fromMs = candles.openMs[Math.max(0, cut - COMPARED_BARS)]!;
    const inSpan = ({ candle }: BarRecord) => candle.openMs >= fromMs && candle.openMs < cutMs;
    const before = base.filter(inSpan);
    const worlds = [
      ['future cut off', upTo(candles, cut)],
      ['future changed', changedAfter(candles, cut, rng)],
      ['future shuffled', shuffledAfter(candles, cut, rng)],
    ] as const;
    for (const [change, world] of worlds) {
      const found = compareDecisions(before, (await decide(world)).filter(inSpan));
      findings.push(...found.map((one) => ({ ...one, change })));
      bars += before.length;
      runs++;
      onRun?.(runs, cuts * worlds.length);
    }
  }
  return { runs, bars, findings };
}

/**
 * Shows that features and probabilities are a function of the last window alone: the same bars with more and more history
 * before them must give the same values, bit for bit, once the window is full. Signals and risk are left out, since an
 * account that has lived longer holds other positions.
 */
export async function checkRecursive(
  decide: Decide,
  candles: CandleColumns,
  histories: number,
  onRun?: (done: number, runs: number) => void,
): Promise<BiasCheck> {
  const latest = Math.floor(candles.length / 2);
  const fullMs = candles.openMs[Math.min(candles.length - 1, latest + FEATURE_WINDOW - 1)]!;
  const seen = (records: readonly BarRecord[]) =>
    records
      .filter(({ candle }) => candle.openMs >= fullMs)
      .map((record) => ({ ...record, signal: null, risk: null, account: null }));
  const base = seen(await decide(from(candles, latest)));
  const findings: BiasFinding[] = [];
  let bars = 0;
  for (let k = 1; k <= histories; k++) {
    const start = Math.floor(latest * (1 - k / histories));
    const found = compareDecisions(base, seen(await decide(from(candles, start))));
    findings.push(...found.map((one) => ({ ...one, change: 'more history' as const })));
    bars += base.length;
    onRun?.(k, histories);
  }
  return { runs: histories, bars, findings };
}

/** One line for a finding. */
export function biasText({ change, stream, openMs, layer, field, a, b }: BiasFinding): string {
  return `${change}: ${stream} ${new Date(openMs).toISOString()} ${layer} ${field}: ${String(a)} becomes ${String(b)}`;
}

type Column = 'openMs' | 'open' | 'high' | 'low' | 'close' | 'volume';
const PRICES = ['open', 'high', 'low', 'close'] as const;

function mapColumns(
  candles: CandleColumns,
  of: (values: Float64Array, name: Column) => Float64Array,
): CandleColumns {
  const openMs = of(candles.openMs, 'openMs');
  return {
    length: openMs.length,
    openMs,
    open: of(candles.open, 'open'),
    high: of(candles.high, 'high'),
    low: of(candles.low, 'low'),
    close: of(candles.close, 'close'),
    volume: of(candles.volume, 'volume'),
  };
}

const upTo = (candles: CandleColumns, end: number) =>
  mapColumns(candles, (values) => values.subarray(0, end));
const from = (candles: CandleColumns, start: number) =>
  mapColumns(candles, (values) => values.subarray(start));

/** Each candle from `cut` on is moved by up to a tenth, its four prices alike, so that it stays a candle. */
function changedAfter(candles: CandleColumns, cut: number, rng: Rng): CandleColumns {
  const factors = Float64Array.from({ length: candles.length }, (_, i) =>
    i < cut ? 1 : 0.9 + 0.2 * rng.next(),
  );
  return mapColumns(candles, (values, name) =>
    (PRICES as readonly string[]).includes(name) || name === 'volume'
      ? values.map((value, i) => value * factors[i]!)
      : values,
  );
}

/** The candles from `cut` on in another order, at the times that were there. */
function shuffledAfter(candles: CandleColumns, cut: number, rng: Rng): CandleColumns {
  const order = Array.from({ length: candles.length }, (_, i) => i);
  for (let i = order.length - 1; i > cut; i--) {
    const j = cut + Math.floor(rng.next() * (i - cut + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return mapColumns(candles, (values, name) =>
    name === 'openMs' ? values : values.map((_, i) => values[order[i]!]!),
  );
}
