import { streamName } from '../core/candle.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';

/** What came of a bar in a few figures, for a log. */
export function summaryOf(outcome: BarOutcome): Readonly<Record<string, unknown>> {
  const stream = streamName(outcome.stream);
  if (outcome.kind === 'quarantined') return { stream, reason: outcome.row.reason };
  if (outcome.kind === 'corrected')
    return { stream, openMs: outcome.correction.stored.openMs, kind: outcome.kind };
  if (outcome.kind !== 'decided') return { stream, openMs: outcome.openMs, kind: outcome.kind };
  const { record, execution } = outcome;
  return {
    stream,
    openMs: record.candle.openMs,
    probabilityUp: record.prediction?.probabilityUp ?? null,
    signal: record.signal?.kind === 'signal' ? record.signal.direction : record.signal?.reason,
    risk: record.risk?.kind === 'denial' ? record.risk.reason : record.risk?.kind,
    order: execution?.status,
    equity: record.account?.equity,
  };
}
