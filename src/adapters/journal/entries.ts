import type { Fill, FillId } from '../../core/order.js';
import type {
  AccountSnapshot,
  BarRecord,
  CapitalFlow,
  OrderEvent,
  PeakRebase,
  PredictionOutcome,
  RunRecord,
} from '../../core/records.js';
import { sinceDenied } from '../store-rules/earlier-orders.js';

/** What was stored of a stream before a bar: a database that holds anything else cannot tell how the bar was decided. */
export interface StreamStanding {
  /** Open time of the newest candle; −∞ where there is none. */
  readonly newestMs: number;
  readonly candles: number;
}

/** One thing that was written down. `seq` counts up over the life of a box. */
export type JournalEntry = { readonly seq: number } & JournalFact;

export type JournalFact =
  | { readonly kind: 'order'; readonly event: OrderEvent; readonly fills: readonly Fill[] }
  /** `reported` where the owner has been told of them all, as of a cut. */
  | { readonly kind: 'fills'; readonly fills: readonly Fill[]; readonly reported?: true }
  | { readonly kind: 'reported'; readonly fills: readonly FillId[] }
  | { readonly kind: 'flows'; readonly flows: readonly CapitalFlow[] }
  /** A bar whose decision is an order: it stands here before the order may leave. */
  | {
      readonly kind: 'bar';
      readonly record: BarRecord;
      readonly outcomes: readonly PredictionOutcome[];
      /** Absent where it is not known, and in entries of a version that did not write it. */
      readonly before?: StreamStanding | undefined;
    }
  /** What later bars are decided by. */
  | { readonly kind: 'run'; readonly run: RunRecord }
  | { readonly kind: 'rebase'; readonly rebase: PeakRebase }
  | { readonly kind: 'account'; readonly account: AccountSnapshot }
  /** Open time of the last acted-on bar by stream name, as of a cut: later ones follow as bars. */
  | { readonly kind: 'acted'; readonly lastActedBarMs: Readonly<Record<string, number>> };

/** Entries as JSON that keeps every double as it is, bit for bit: JSON itself has no −0, NaN or infinity. */
export function encodeEntries(entries: readonly JournalEntry[]): string {
  return JSON.stringify(entries, (_, value: unknown) => {
    if (value instanceof Float64Array) return { $doubles: [...value] };
    if (typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value)))
      return { $number: Object.is(value, -0) ? '-0' : String(value) };
    return value;
  });
}

/** The entries as today's version writes them, whichever version did. */
export function decodeEntries(text: string): readonly JournalEntry[] {
  const entries = JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$number' in value) return Number(value.$number);
    if ('$doubles' in value) return Float64Array.from(value.$doubles as readonly number[]);
    return value;
  }) as readonly JournalEntry[];
  return entries.map((entry) =>
    entry.kind === 'order' && !('reason' in entry.event)
      ? { ...entry, event: sinceDenied(entry.event) }
      : entry,
  );
}
