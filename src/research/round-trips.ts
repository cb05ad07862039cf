/** One fill as the reckoning of trades needs it. Oldest first in lists; `units` above zero. */
export interface TradeFill {
  readonly atMs: number;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly units: number;
  readonly price: number;
  /** In quote units. */
  readonly fee: number;
  /** Why the order was sent, as a code or a few words. */
  readonly reason: string;
}

/** A position from flat to flat, or still open. Prices are averages over its fills, weighted by units. */
export interface RoundTrip {
  readonly symbol: string;
  readonly direction: 'long' | 'short';
  readonly entryMs: number;
  /** Null while the position is open. */
  readonly exitMs: number | null;
  /** Units bought into it altogether (sold, for a short). */
  readonly units: number;
  readonly entryPrice: number;
  readonly exitPrice: number | null;
  readonly fees: number;
  /** Quote units after fees; null while the position is open. */
  readonly profit: number | null;
  /** `profit` over what was paid in. */
  readonly returnOnEntry: number | null;
  readonly entryReason: string;
  readonly exitReason: string | null;
}

interface OpenTrip {
  readonly direction: 'long' | 'short';
  readonly entryMs: number;
  readonly entryReason: string;
  unitsIn: number;
  paidIn: number;
  unitsOut: number;
  paidOut: number;
  fees: number;
}

/** Units that are left of a position by rounding alone, as a share of what was bought into it. */
const DUST = 1e-9;

/**
 * Puts fills together to round trips, symbol by symbol, in the order in which the trips began. A fill that goes through
 * zero closes one trip and opens the next; its fee is shared by units.
 */
export function roundTrips(fills: readonly TradeFill[]): readonly RoundTrip[] {
  const open = new Map<string, OpenTrip>();
  const trips: RoundTrip[] = [];
  for (const fill of fills) {
    const direction = fill.side === 'buy' ? 'long' : 'short';
    let left = fill.units;
    const trip = open.get(fill.symbol);
    if (trip && trip.direction !== direction) {
      const closing = Math.min(left, trip.unitsIn - trip.unitsOut);
      trip.unitsOut += closing;
      trip.paidOut += closing * fill.price;
      trip.fees += fill.fee * (closing / fill.units);
      left -= closing;
      if (trip.unitsIn - trip.unitsOut > DUST * trip.unitsIn) continue;
      trips.push(closed(fill, trip));
      open.delete(fill.symbol);
      if (left <= DUST * fill.units) continue;
    }
    const grown: OpenTrip = open.get(fill.symbol) ?? {
      direction,
      entryMs: fill.atMs,
      entryReason: fill.reason,
      unitsIn: 0,
      paidIn: 0,
      unitsOut: 0,
      paidOut: 0,
      fees: 0,
    };
    grown.unitsIn += left;
    grown.paidIn += left * fill.price;
    grown.fees += fill.fee * (left / fill.units);
    open.set(fill.symbol, grown);
  }
  for (const [symbol, trip] of open) trips.push(stillOpen(symbol, trip));
  return trips.sort((a, b) => a.entryMs - b.entryMs);
}

function closed(last: TradeFill, trip: OpenTrip): RoundTrip {
  const sign = trip.direction === 'long' ? 1 : -1;
  const profit = sign * (trip.paidOut - trip.paidIn) - trip.fees;
  return {
    ...stillOpen(last.symbol, trip),
    exitMs: last.atMs,
    exitPrice: trip.paidOut / trip.unitsOut,
    profit,
    returnOnEntry: profit / trip.paidIn,
    exitReason: last.reason,
  };
}

function stillOpen(symbol: string, trip: OpenTrip): RoundTrip {
  return {
    symbol,
    direction: trip.direction,
    entryMs: trip.entryMs,
    exitMs: null,
    units: trip.unitsIn,
    entryPrice: trip.paidIn / trip.unitsIn,
    exitPrice: trip.unitsOut > 0 ? trip.paidOut / trip.unitsOut : null,
    fees: trip.fees,
    profit: null,
    returnOnEntry: null,
    entryReason: trip.entryReason,
    exitReason: null,
  };
}
