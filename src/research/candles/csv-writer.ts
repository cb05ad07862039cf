import type { CandleColumns } from '../../core/candle.js';
import { FEATURE_COLUMNS } from '../../core/feature-set.js';
import { formatDouble17 } from './format-double.js';
import type { LoadedCandles } from './load-candles.js';

const CHUNK_ROWS = 2000;

const CANDLE_HEADER = 'timestamp_ms,open,high,low,close,volume';

/** The candles as CSV text in chunks, each double with 17 significant digits. */
export function candleCsv(candles: CandleColumns, onRows?: (done: number) => void): Iterable<string> {
  return lines(CANDLE_HEADER, candles.length, (i) => candleLine(candles, i), onRows);
}

/** Candles with their features; `values` is column after column (candles.length × 10), `rows` the rows to write. */
export function featureCsv(
  candles: CandleColumns,
  values: Float64Array,
  rows: Uint32Array,
  onRows?: (done: number) => void,
): Iterable<string> {
  const line = (k: number) => {
    const i = rows[k]!;
    let text = candleLine(candles, i);
    for (let c = 0; c < FEATURE_COLUMNS.length; c++) {
      text += `,${formatDouble17(values[c * candles.length + i]!)}`;
    }
    return text;
  };
  return lines(`${CANDLE_HEADER},${FEATURE_COLUMNS.join(',')}`, rows.length, line, onRows);
}

/** Quarantined rows: the line in the source file, the reason code, and the line's own text quoted as RFC 4180 asks. */
export async function* quarantineCsv({
  file,
  quarantined,
}: Pick<LoadedCandles, 'file' | 'quarantined'>): AsyncGenerator<string> {
  yield 'line,reason,raw\n';
  let at = 0;
  for await (const raw of file.raws(quarantined.map(({ index }) => index))) {
    const { index, reason } = quarantined[at++]!;
    yield `${file.line(index)},${reason},"${raw.replaceAll('"', '""')}"\n`;
  }
}

function candleLine(candles: CandleColumns, i: number): string {
  return `${formatDouble17(candles.openMs[i]!)},${formatDouble17(candles.open[i]!)},${formatDouble17(candles.high[i]!)},${formatDouble17(candles.low[i]!)},${formatDouble17(candles.close[i]!)},${formatDouble17(candles.volume[i]!)}`;
}

function* lines(
  header: string,
  count: number,
  line: (i: number) => string,
  onRows?: (done: number) => void,
): Iterable<string> {
  let chunk = `${header}\n`;
  for (let i = 0; i < count; i++) {
    chunk += `${line(i)}\n`;
    if ((i + 1) % CHUNK_ROWS === 0) {
      yield chunk;
      chunk = '';
      onRows?.(i + 1);
    }
  }
  yield chunk;
}
