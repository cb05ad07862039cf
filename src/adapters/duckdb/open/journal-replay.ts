import { type StreamKey, streamName, streamNamed } from '../../../core/candle.js';
import type { Fill } from '../../../core/order.js';
import type { AccountSnapshot, PeakRebase, RestoredState, RunRecord } from '../../../core/records.js';
import type { JournalEntry, JournalFact, StreamStanding } from '../../journal/index.js';
import { readRestoredState } from '../read/reader.js';
import { markReplayed } from '../read/replayed-bars.js';
import { type AuditWriter, rebaseOf, runOf } from '../write/audit-log.js';
import type { BarWriter, Watermark } from '../write/bar-writer.js';
import type { FlowLog } from '../write/flow-log.js';
import { type MoneyLog, orderEventOf } from '../write/money-log.js';
import { booleanOf, numberOf, streamOf, textOf } from '../write/rows.js';
import { double, integer, type Row, type Session } from './session.js';

export interface ReplayTargets {
  readonly session: Session;
  readonly bars: BarWriter;
  /** Of candles. */
  readonly newest: Watermark;
  readonly money: MoneyLog;
  readonly flows: FlowLog;
  readonly audit: AuditWriter;
}

/**
 * Brings the database up to the journal, and tells how many entries it lacked. An entry that is there already is passed
 * over, so a replay that was cut off is simply begun again. Where the database lacks what had come before a bar, the bar is
 * marked as come back: nobody can compute again what was decided on what is gone.
 */
export async function replay(entries: readonly JournalEntry[], targets: ReplayTargets): Promise<number> {
  const { session, bars, newest, money, flows, audit } = targets;
  const known = await knownRows(session, entries);
  /** Streams of which something is missing from here on. */
  const broken = new Set<string>();
  let applied = 0;
  for (const entry of entries) {
    switch (entry.kind) {
      case 'order':
        if (known.orderSeqs.has(entry.seq)) continue;
        await money.order(entry.event, entry.fills, entry.seq);
        break;
      case 'fills': {
        const fresh = entry.fills.filter((fill) => !known.fills.has(rowKey(fill, fill.fillId)));
        if (fresh.length === 0) continue;
        await money.fills(fresh, entry.reported);
        break;
      }
      case 'reported': {
        const fresh = entry.fills.filter((fill) => !known.reported.has(rowKey(fill, fill.fillId)));
        if (fresh.length === 0) continue;
        await money.reported(fresh);
        break;
      }
      case 'flows':
        if (entry.flows.every((flow) => known.flows.has(flowKey(flow)))) continue;
        await flows.flows(entry.flows);
        break;
      case 'rebase':
        if (known.rebases.has(rebaseKey(entry.rebase))) continue;
        await audit.rebase(entry.rebase);
        break;
      case 'bar': {
        const { stream, candle } = entry.record;
        if (known.decisions.has(barKey(stream, candle.openMs))) continue;
        if (!isSame(entry.before, await newest.standing(stream))) broken.add(streamName(stream));
        if (broken.has(streamName(stream))) await markReplayed(session, stream, candle.openMs);
        const [failed] = await bars.commitAll([entry]);
        if (failed !== null) throw failed;
        break;
      }
      case 'run':
        if (known.runs.has(runKey(entry.run))) continue;
        await audit.run(entry.run);
        break;
      case 'acted':
        for (const [name, openMs] of Object.entries(entry.lastActedBarMs))
          if (openMs > (known.acted[name] ?? Number.NEGATIVE_INFINITY))
            await markReplayed(session, streamNamed(name), openMs);
        continue;
      // No row: see `amended`.
      case 'account':
        continue;
    }
    applied += 1;
  }
  return applied;
}

interface KnownRows {
  readonly orderSeqs: ReadonlySet<number>;
  readonly fills: ReadonlySet<string>;
  readonly reported: ReadonlySet<string>;
  readonly flows: ReadonlySet<string>;
  readonly rebases: ReadonlySet<string>;
  readonly decisions: ReadonlySet<string>;
  readonly runs: ReadonlySet<string>;
  readonly acted: RestoredState['lastActedBarMs'];
}

/** What the database holds of what the journal tells, asked for at once: a look-up for each entry would take minutes. */
async function knownRows(session: Session, entries: readonly JournalEntry[]): Promise<KnownRows> {
  const orders = entries.filter(({ kind }) => kind === 'order').map(({ seq }) => seq);
  const barTimes = entries.flatMap((entry) => (entry.kind === 'bar' ? [entry.record.candle.openMs] : []));
  const least = (values: readonly number[]) =>
    values.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER);
  const orderRows = await session.rows('SELECT seq FROM order_events WHERE seq >= $1', [
    integer(least(orders)),
  ]);
  const fillRows = await session.rows('SELECT exchange, symbol, fill_id, reported FROM fills');
  const fillKey = (row: Row) =>
    rowKey({ exchange: textOf(row, 'exchange'), symbol: textOf(row, 'symbol') }, textOf(row, 'fill_id'));
  const flowRows = await session.rows('SELECT exchange, kind, flow_id FROM capital_flows');
  const rebaseRows = await session.rows('SELECT * FROM peak_rebases');
  const barRows = await session.rows(
    'SELECT exchange, symbol, timeframe, open_ms FROM decisions WHERE open_ms >= $1',
    [integer(least(barTimes))],
  );
  return {
    orderSeqs: new Set(orderRows.map((row) => numberOf(row, 'seq'))),
    fills: new Set(fillRows.map(fillKey)),
    reported: new Set(fillRows.filter((row) => booleanOf(row, 'reported')).map(fillKey)),
    flows: new Set(
      flowRows.map((row) =>
        flowKey({
          exchange: textOf(row, 'exchange'),
          kind: textOf(row, 'kind'),
          flowId: textOf(row, 'flow_id'),
        }),
      ),
    ),
    rebases: new Set(rebaseRows.map((row) => rebaseKey(rebaseOf(row)))),
    runs: new Set((await session.rows('SELECT * FROM runs')).map((row) => runKey(runOf(row)))),
    acted: (await readRestoredState(session)).lastActedBarMs,
    decisions: new Set(barRows.map((row) => barKey(streamOf(row), numberOf(row, 'open_ms')))),
  };
}

const rowKey = (of: { readonly exchange: string; readonly symbol: string }, id: string) =>
  JSON.stringify([of.exchange, of.symbol, id]);
const flowKey = (flow: { readonly exchange: string; readonly kind: string; readonly flowId: string }) =>
  JSON.stringify([flow.exchange, flow.kind, flow.flowId]);
const rebaseKey = ({ atMs, by }: PeakRebase) => JSON.stringify([atMs, by]);
const runKey = ({ atMs, settings }: RunRecord) => JSON.stringify([atMs, settings]);
const isSame = (a: StreamStanding | undefined, b: StreamStanding) =>
  a !== undefined && a.newestMs === b.newestMs && a.candles === b.candles;
const barKey = (stream: StreamKey, openMs: number) => `${streamName(stream)}@${openMs}`;

/** The newest account that the journal tells of: it is no row of its own. */
export function accountOf(entries: readonly JournalEntry[]): AccountSnapshot | null {
  let newest: AccountSnapshot | null = null;
  for (const entry of entries) {
    const found =
      entry.kind === 'account' ? entry.account : entry.kind === 'bar' ? entry.record.account : null;
    if (found !== null && (newest === null || found.atMs >= newest.atMs)) newest = found;
  }
  return newest;
}

/** Null where the database holds the account itself: what it holds after that one counts. */
export async function unknownTo(
  session: Session,
  account: AccountSnapshot | null,
): Promise<AccountSnapshot | null> {
  if (account === null) return null;
  const known = await session.rows(
    'SELECT 1 AS one FROM decisions WHERE account_at_ms = $1 AND account_equity = $2 AND account_cash = $3 LIMIT 1',
    [integer(account.atMs), double(account.equity), double(account.cash)],
  );
  return known.length === 0 ? account : null;
}

/** The restored state with the account that only the journal knows, where that is the later one. */
export function mergeJournal(restored: RestoredState, account: AccountSnapshot | null): RestoredState {
  const later = account !== null && (restored.account === null || account.atMs > restored.account.atMs);
  return later ? { ...restored, account } : restored;
}

type SeqOf = (fact: JournalFact) => number | undefined;

/** All that a new database would need to go on: each fill, flow and rebase, the last word on open orders, the last run, the account. */
export async function snapshotOf(
  session: Session,
  known: AccountSnapshot | null,
): Promise<{ readonly facts: readonly JournalFact[]; readonly seqOf: SeqOf }> {
  const { account, fills, unreportedFills, flows, lastActedBarMs, openOrders } = mergeJournal(
    await readRestoredState(session),
    known,
  );
  const rebases = await session.rows('SELECT * FROM peak_rebases ORDER BY seq');
  const runs = await session.rows('SELECT * FROM runs ORDER BY seq DESC LIMIT 1');
  const openIds = new Set(openOrders.map(({ order }) => order.clientOrderId));
  const seqs = new Map<JournalFact, number>();
  const orders: JournalFact[] = [];
  for (const row of await session.rows('SELECT * FROM order_events ORDER BY seq')) {
    const event = orderEventOf(row);
    if (!openIds.has(event.order.clientOrderId)) continue;
    const fact: JournalFact = { kind: 'order', event, fills: [] };
    seqs.set(fact, numberOf(row, 'seq'));
    orders.push(fact);
  }
  const facts: JournalFact[] = [
    { kind: 'acted', lastActedBarMs },
    ...runs.map((row): JournalFact => ({ kind: 'run', run: runOf(row) })),
    ...(account === null ? [] : [{ kind: 'account', account } as const]),
    ...chunks(flows).map((some): JournalFact => ({ kind: 'flows', flows: some })),
    ...rebases.map((row): JournalFact => ({ kind: 'rebase', rebase: rebaseOf(row) })),
    ...fillFacts(fills, unreportedFills),
    ...orders,
  ];
  return { facts, seqOf: (fact) => seqs.get(fact) };
}

/** Rows of a fact: frames stay small. */
const FACT_ROWS_MAX = 100;

function chunks<T>(rows: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(rows.length / FACT_ROWS_MAX) }, (_, i) =>
    rows.slice(i * FACT_ROWS_MAX, (i + 1) * FACT_ROWS_MAX),
  );
}

/** All fills in their order, each fact of such as are reported, or of such as are not. */
function fillFacts(fills: readonly Fill[], unreportedFills: readonly Fill[]): readonly JournalFact[] {
  const unreported = new Set(unreportedFills.map((fill) => rowKey(fill, fill.fillId)));
  const facts: { kind: 'fills'; fills: Fill[]; reported?: true }[] = [];
  for (const fill of fills) {
    const reported = !unreported.has(rowKey(fill, fill.fillId));
    const last = facts.at(-1);
    if (last && (last.reported ?? false) === reported && last.fills.length < FACT_ROWS_MAX)
      last.fills.push(fill);
    else facts.push({ kind: 'fills', fills: [fill], ...(reported && { reported }) });
  }
  return facts;
}

/** Whether an account says more than an earlier one but for what changes with each price. */
export function saysMore(account: AccountSnapshot, earlier: AccountSnapshot | null): boolean {
  if (earlier === null || account.atMs - earlier.atMs >= ACCOUNT_PERIOD_MS) return true;
  const lasting = (of: AccountSnapshot) =>
    JSON.stringify({ ...of, atMs: 0, equity: 0, cash: 0, drawdown: 0 });
  return lasting(account) !== lasting(earlier);
}

/** An account that changes by prices alone is written down this often. */
const ACCOUNT_PERIOD_MS = 15 * 60_000;
