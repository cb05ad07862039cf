import type { CapitalFlow } from '../../../core/records.js';
import { toMoneyUnits } from '../../store-rules/decimal38.js';
import { flowPlace } from '../../store-rules/money-text.js';
import { integer, money, type Row, type Session, text } from '../open/session.js';
import { moneyOf, numberOf, textOf, wordOf } from './rows.js';

const FLOW_INSERT = `INSERT INTO capital_flows SELECT $1, $2, $3, $4, $5, $6, $7
  WHERE NOT EXISTS (FROM capital_flows WHERE exchange = $2 AND flow_id = $3 AND kind = $4)`;

/** Opening balances, deposits and withdrawals: append-only, in the order they were recorded. */
export class FlowLog {
  readonly #session: Session;
  #next: number;

  constructor(session: Session, next: number) {
    this.#session = session;
    this.#next = next;
  }

  /** All in one transaction; each flow at most once by exchange, kind and flow id. */
  async flows(flows: readonly CapitalFlow[]): Promise<void> {
    const rows = flows.map((flow) => [
      text(flow.exchange),
      text(flow.flowId),
      text(flow.kind),
      text(flow.currency),
      money(toMoneyUnits(flow.amount, `${flowPlace(flow)}, amount`)),
      integer(flow.atMs),
    ]);
    let next = this.#next;
    await this.#session.transaction(async () => {
      for (const cells of rows) next += await this.#session.run(FLOW_INSERT, [integer(next), ...cells]);
    });
    this.#next = next;
  }
}

export function flowOf(row: Row): CapitalFlow {
  return {
    exchange: textOf(row, 'exchange'),
    flowId: textOf(row, 'flow_id'),
    kind: wordOf<CapitalFlow['kind']>(row, 'kind'),
    currency: textOf(row, 'currency'),
    amount: moneyOf(row, 'amount'),
    atMs: numberOf(row, 'at_ms'),
  };
}
