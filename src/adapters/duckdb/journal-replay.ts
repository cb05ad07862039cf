import { type StreamKey, streamName } from '../../core/candle.js';
import type { AccountSnapshot, PeakRebase, RestoredState } from '../../ports.js';
import type { JournalEntry, JournalFact } from '../journal/index.js';
import type { BarWriter } from './bar-writer.js';
import type { FlowLog } from './flow-log.js';
import { type MoneyLog, orderEventOf } from './money-log.js';
import { type Notes, rebaseOf } from './notes.js';
import { readRestoredState } from './reader.js';
import { numberOf, streamOf, textOf } from './rows.js';
import { double, integer, type Session } from './session.js';

export interface ReplayTargets {
  readonly session: Session;
  readonly bars: BarWriter;
  readonly money: MoneyLog;
  readonly flows: FlowLog;
  readonly notes: Notes;
}

/**
 * Brings the database up to the journal, and tells how many entries it lacked. An entry that is there already is passed
 * over, so a replay that was cut off is simply begun again.
 */
export async function replay(entries: readonly JournalEntry[], targets: ReplayTargets): Promise<number> {
  const { session, bars, money, flows, notes } = targets;
  const known = await knownRows(session, entries);
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
        await money.fills(fresh);
        break;
      }
      case 'flows':
        if (entry.flows.every((flow) => known.flows.has(flowKey(flow)))) continue;
        await flows.flows(entry.flows);
        break;
      case 'rebase':
        if (known.rebases.has(rebaseKey(entry.rebase))) continue;
        await notes.rebase(entry.rebase);
        break;
      case 'bar': {
        if (known.decisions.has(barKey(entry.record.stream, entry.record.candle.openMs))) continue;
        const [failed] = await bars.commitAll([entry]);
        if (failed !== null) throw failed;
        break;
      }
      // These two are no rows: see `amended`.
      case 'account':
      case 'acted':
        continue;
    }
    applied += 1;
  }
  return applied;
}

interface KnownRows {
  readonly orderSeqs: ReadonlySet<number>;
  readonly fills: ReadonlySet<string>;
  readonly flows: ReadonlySet<string>;
  readonly rebases: ReadonlySet<string>;
  readonly decisions: ReadonlySet<string>;
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
  const fillRows = await session.rows('SELECT exchange, symbol, fill_id FROM fills');
  const flowRows = await session.rows('SELECT exchange, kind, flow_id FROM capital_flows');
  const rebaseRows = await session.rows('SELECT * FROM peak_rebases');
  const barRows = await session.rows(
    'SELECT exchange, symbol, timeframe, open_ms FROM decisions WHERE open_ms >= $1',
    [integer(least(barTimes))],
  );
  return {
    orderSeqs: new Set(orderRows.map((row) => numberOf(row, 'seq'))),
    fills: new Set(
      fillRows.map((row) =>
        rowKey({ exchange: textOf(row, 'exchange'), symbol: textOf(row, 'symbol') }, textOf(row, 'fill_id')),
      ),
    ),
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
    decisions: new Set(barRows.map((row) => barKey(streamOf(row), numberOf(row, 'open_ms')))),
  };
}

const rowKey = (of: { readonly exchange: string; readonly symbol: string }, id: string) =>
  JSON.stringify([of.exchange, of.symbol, id]);
const flowKey = (flow: { readonly exchange: string; readonly kind: string; readonly flowId: string }) =>
  JSON.stringify([flow.exchange, flow.kind, flow.flowId]);
const rebaseKey = ({ atMs, by }: PeakRebase) => JSON.stringify([atMs, by]);
const barKey = (stream: StreamKey, openMs: number) => `${streamName(stream)}@${openMs}`;

/** What of the journal is no row: the newest account, and which bars were acted on before its last cut. */
export interface JournalMemory {
  readonly account: AccountSnapshot | null;
  readonly lastActedBarMs: Readonly<Record<string, number>>;
}

export function memoryOf(entries: readonly JournalEntry[]): JournalMemory {
  let account: AccountSnapshot | null = null;
  const lastActedBarMs: Record<string, number> = {};
  const newer = (found: AccountSnapshot | null) => {
    if (found !== null && (account === null || found.atMs >= account.atMs)) account = found;
  };
  const acted = (name: string, openMs: number) => {
    lastActedBarMs[name] = Math.max(openMs, lastActedBarMs[name] ?? Number.NEGATIVE_INFINITY);
  };
  for (const entry of entries) {
    if (entry.kind === 'account') newer(entry.account);
    if (entry.kind === 'acted')
      for (const [name, openMs] of Object.entries(entry.lastActedBarMs)) acted(name, openMs);
    if (entry.kind === 'bar') {
      newer(entry.record.account);
      acted(streamName(entry.record.stream), entry.record.candle.openMs);
    }
  }
  return { account, lastActedBarMs };
}

/** The memory without an account that the database holds itself: what it holds after that one counts. */
export async function unknownTo(session: Session, memory: JournalMemory): Promise<JournalMemory> {
  if (memory.account === null) return memory;
  const { atMs, equity, cash } = memory.account;
  const known = await session.rows(
    'SELECT 1 AS one FROM decisions WHERE account_at_ms = $1 AND account_equity = $2 AND account_cash = $3 LIMIT 1',
    [integer(atMs), double(equity), double(cash)],
  );
  return known.length === 0 ? memory : { ...memory, account: null };
}

/** The restored state with what only the journal knows: the later account counts, and the later bar acted on. */
export function amended(restored: RestoredState, memory: JournalMemory): RestoredState {
  const { account } = memory;
  const lastActedBarMs = { ...restored.lastActedBarMs };
  for (const [name, openMs] of Object.entries(memory.lastActedBarMs))
    lastActedBarMs[name] = Math.max(openMs, lastActedBarMs[name] ?? Number.NEGATIVE_INFINITY);
  const later = account !== null && (restored.account === null || account.atMs > restored.account.atMs);
  return { ...restored, account: later ? account : restored.account, lastActedBarMs };
}

type SeqOf = (fact: JournalFact) => number | undefined;

/** All that a new database would need to go on: each fill, flow and rebase, the last word on open orders, the account. */
export async function baseOf(
  session: Session,
  memory: JournalMemory,
): Promise<{ readonly facts: readonly JournalFact[]; readonly seqOf: SeqOf }> {
  const { account, fills, flows, lastActedBarMs, openOrders } = amended(
    await readRestoredState(session),
    memory,
  );
  const rebases = await session.rows('SELECT * FROM peak_rebases ORDER BY seq');
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
    ...(account === null ? [] : [{ kind: 'account', account } as const]),
    ...chunks(flows).map((some): JournalFact => ({ kind: 'flows', flows: some })),
    ...rebases.map((row): JournalFact => ({ kind: 'rebase', rebase: rebaseOf(row) })),
    ...chunks(fills).map((some): JournalFact => ({ kind: 'fills', fills: some })),
    ...orders,
  ];
  return { facts, seqOf: (fact) => seqs.get(fact) };
}

/** Facts of a length that leaves frames small. */
function chunks<T>(rows: readonly T[], size = 100): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) =>
    rows.slice(i * size, (i + 1) * size),
  );
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
