import { rebasedAccount } from '../../src/adapters/store-rules/account-rules.js';
import { streamName } from '../../src/core/candle.js';
import { type Fill, isFinal } from '../../src/core/order.js';
import type {
  BarRecord,
  CapitalFlow,
  Correction,
  HaltRecord,
  OrderEvent,
  PeakRebase,
  QuarantinedRow,
} from '../../src/core/records.js';
import type { Store } from '../../src/ports/store.js';

/** What a tiny store holds; a second store made from the same contents is a restart. */
export interface Contents {
  readonly bars: Map<string, BarRecord>;
  readonly orders: Map<string, OrderEvent>;
  readonly orderLog: OrderEvent[];
  readonly fills: Map<string, Fill>;
  /** Ids of those in `fills` that have been reported. */
  readonly reported: Set<string>;
  readonly flows: CapitalFlow[];
  readonly outcomes: Map<string, boolean>;
  readonly quarantine: QuarantinedRow[];
  readonly corrections: Correction[];
  readonly halts: HaltRecord[];
  readonly rebases: PeakRebase[];
  /** Every write, in order, for tests of what comes before what. */
  readonly writes: string[];
}

export function emptyContents(): Contents {
  return {
    bars: new Map(),
    orders: new Map(),
    orderLog: [],
    fills: new Map(),
    reported: new Set(),
    flows: [],
    outcomes: new Map(),
    quarantine: [],
    corrections: [],
    halts: [],
    rebases: [],
    writes: [],
  };
}

/** A store in memory. `before` is called ahead of each write and may throw, as a power cut would. */
export function tinyStore(
  contents: Contents = emptyContents(),
  before: (write: string) => void = () => {},
): Store {
  const note = (write: string) => {
    before(write);
    contents.writes.push(write);
  };
  const keepFills = (fills: readonly Fill[]) => {
    for (const fill of fills) {
      const id = `${fill.exchange}:${fill.fillId}`;
      if (!contents.fills.has(id)) contents.fills.set(id, fill);
    }
  };
  return {
    async commitBar(record, outcomes = []) {
      note(`bar ${record.candle.openMs}`);
      const name = `${streamName(record.stream)}@${record.candle.openMs}`;
      if (contents.bars.has(name)) throw new Error(`bar ${name} is already stored`);
      contents.bars.set(name, record);
      for (const { openMs, up } of outcomes)
        contents.outcomes.set(`${streamName(record.stream)}@${openMs}`, up);
    },
    addCandles: async () => 0,
    async quarantine(rows) {
      note('quarantine');
      contents.quarantine.push(...rows);
    },
    async recordCorrection(correction) {
      note('correction');
      contents.corrections.push(correction);
    },
    async lastCandles(stream, count) {
      const own = [...contents.bars.values()].filter((bar) => streamName(bar.stream) === streamName(stream));
      return own.slice(-count).map((bar) => bar.candle);
    },
    async recordOrder(event, fills = []) {
      note(fills.length > 0 ? `order ${event.status} with fills` : `order ${event.status}`);
      keepFills(fills);
      contents.orders.set(event.order.clientOrderId, event);
      contents.orderLog.push(event);
    },
    async recordFills(fills) {
      if (fills.length > 0) note('fills');
      keepFills(fills);
    },
    async recordFlows(flows) {
      note('flows');
      contents.flows.push(...flows);
    },
    async recordHalt(record) {
      note('halt');
      contents.halts.push(record);
    },
    async recordRebase(rebase) {
      note('rebase');
      contents.rebases.push(rebase);
    },
    async restore() {
      const bars = [...contents.bars.values()];
      return {
        account: rebasedAccount(bars.at(-1)?.account ?? null, contents.rebases.at(-1)),
        fills: [...contents.fills.values()],
        unreportedFills: [...contents.fills].flatMap(([id, fill]) =>
          contents.reported.has(id) ? [] : [fill],
        ),
        flows: contents.flows,
        holdings: Object.fromEntries(
          [...new Map(bars.filter((bar) => bar.decided).map((bar) => [streamName(bar.stream), bar]))].flatMap(
            ([name, { signal }]) => (signal?.held ? [[name, signal.held] as const] : []),
          ),
        ),
        lastActedBarMs: Object.fromEntries(
          bars
            .filter((bar) => bar.risk?.kind === 'order')
            .map((bar) => [streamName(bar.stream), bar.candle.openMs]),
        ),
        openOrders: [...contents.orders.values()].filter((event) => !isFinal(event.status)),
        outcomes: bars.flatMap((bar) => {
          if (!bar.prediction) return [];
          const stream = streamName(bar.stream);
          const up = contents.outcomes.get(`${stream}@${bar.candle.openMs}`) ?? null;
          const { openMs, probabilityUp } = bar.prediction;
          return [{ stream, openMs, probabilityUp, up }];
        }),
      };
    },
    close: async () => {},
  };
}
