import { describe, expect, it } from 'vitest';
import { lossOf } from '../../src/adapters/duckdb/open/store-recovery.js';
import type { Alerts } from '../../src/core/alert.js';
import { ALERT_CATALOGUE, type AlertCode, type FiguresOf } from '../../src/core/alert-catalogue.js';
import type { GuardEvent, GuardState } from '../../src/guard/halt-state.js';
import { step } from '../../src/guard/halt-state.js';
import { raiseNotice } from '../../src/guard/notice-report.js';
import { startState } from '../../src/guard/start-state.js';

/** What is said of a database that was damaged, by the function that the trader asks. */
const DAMAGED = lossOf({ kind: 'put_aside', keptAs: 'redbutton.duckdb.damaged-1' })!;

type Raised = { [C in AlertCode]: { readonly code: C; readonly figures: FiguresOf<C> } }[AlertCode];

/** What the guard's own decisions report of a history of events: nothing here is written twice. */
async function guardReports(
  flatten: boolean,
  history: readonly GuardEvent[],
  from: GuardState,
): Promise<Raised[]> {
  const raised: Raised[] = [];
  const alerts = {
    raise: async (code: AlertCode, figures: unknown) => void raised.push({ code, figures } as Raised),
  } as unknown as Alerts;
  let state = from;
  for (const [i, event] of history.entries()) {
    const atMs = Date.UTC(2026, 10, 28, 12) + i * 2_500;
    const next = step(
      state,
      event,
      { wallMs: atMs, monotonicMs: i * 2_500 },
      { resumeWindowMs: 120_000, flatten },
    );
    state = next.state;
    for (const effect of next.effects) {
      if (effect.do !== 'notice') continue;
      const { trading, epoch, halt } = state;
      const { kind, detail } = effect;
      await raiseNotice(alerts, { kind, state: trading, cause: halt?.cause ?? '', detail, epoch, atMs });
    }
  }
  return raised;
}

const ARMED: GuardState = { ...startState({ armed: true }, 7), trading: 'ACTIVE', contact: 'released' };
const HALTED: GuardState = {
  ...startState({ armed: false, cause: 'recorded', detail: 'x', atMs: 0, durable: true }, 7),
  contact: 'released',
};
const outcome = (confirmed: boolean, detail: string): GuardEvent => ({
  type: 'cancel_outcome',
  epoch: 8,
  outcome: { confirmed, openOrders: confirmed ? 0 : 1, detail },
});

const OF_GUARD: Raised[] = [
  ...(await guardReports(
    false,
    [
      { type: 'pressed' },
      {
        type: 'halt_record_failed',
        epoch: 8,
        detail:
          'cannot record in /var/lib/redbutton-guard/armed that the box is halted: EROFS: read-only file system',
      },
      outcome(false, '1 open order; still held: 0.25 BTC/USDT'),
      { type: 'halt_recorded', epoch: 8 },
      outcome(true, 'no open order is left; still held: 0.25 BTC/USDT'),
      { type: 'released' },
      { type: 'resume', by: 'anna (uid 1000)' },
      { type: 'halt', cause: 'command', detail: 'halt command (the phone)' },
    ],
    ARMED,
  )),
  ...(await guardReports(
    false,
    [
      { type: 'resume', by: 'anna (uid 1000)' },
      { type: 'pressed' },
      { type: 'released' },
      { type: 'pressed' },
      { type: 'released' },
      { type: 'arm_recorded', epoch: 8 },
    ],
    HALTED,
  )),
  ...(await guardReports(
    true,
    [{ type: 'halt', cause: 'command', detail: 'halt command (the phone)' }, { type: 'pressed' }],
    ARMED,
  )),
  ...(await guardReports(
    false,
    [
      { type: 'probed', fault: 'the disk has not answered for 20 s' },
      { type: 'probed', fault: null },
    ],
    ARMED,
  )),
  ...(await guardReports(
    false,
    [{ type: 'line_lost', detail: 'the button’s line cannot be read: EIO' }],
    ARMED,
  )),
  ...(await guardReports(false, [{ type: 'halt', cause: 'trader', detail: 'drawdown of 15.2 %' }], ARMED)),
];

/** Of everything else figures as their sources give them. */
const OF_OTHERS: Raised[] = [
  {
    code: 'REQUEST_DECLINED',
    figures: {
      detail: 'process 812 of redbutton (uid 998), which is no person, asked for the box to be armed',
    },
  },
  { code: 'GUARD_LOST', figures: { silentMs: 5_100 } },
  { code: 'TRADER_DEAD', figures: { detail: 'the trader is silent: process 901 was killed' } },
  {
    code: 'TRADER_LOST',
    figures: {
      detail: '30 s; it ended 5 times: /var/lib/redbutton/models/mine/manifest.json does not exist',
    },
  },
  { code: 'TRADER_BACK', figures: { detail: 'back after 94 s' } },
  { code: 'COMMAND_IGNORED', figures: { reason: 'it was stored at the broker before the guard connected' } },
  { code: 'CLIENT_TAKEN_OVER', figures: { role: 'guard', certain: true } },
  { code: 'CLIENT_TAKEN_OVER', figures: { role: 'trader', certain: false } },
  { code: 'BROKER_REFUSES_TOPIC', figures: { topic: 'homeassistant/device/redbutton/config' } },
  { code: 'ORDER_FILLED', figures: { symbol: 'BTC/USDT', side: 'buy', amount: '0.25', price: '64123.5' } },
  { code: 'ORDER_FILLED', figures: { symbol: 'BTC/USDT', side: 'sell', amount: '0.25', price: '65001' } },
  {
    code: 'ORDER_REJECTED',
    figures: {
      symbol: 'BTC/USDT',
      side: 'buy',
      amount: '0.25',
      reason: 'Account has insufficient balance for requested action.',
    },
  },
  {
    code: 'ORDER_NEVER_PLACED',
    figures: { symbol: 'BTC/USDT', side: 'buy', amount: '0.25', reason: 'not found twice at the exchange' },
  },
  { code: 'ORDER_UNKNOWN', figures: { symbol: 'BTC/USDT', clientOrderId: 'rb-redbutton-lrgwde0np5fcapy' } },
  {
    code: 'RECONCILE_MISMATCH',
    figures: {
      symbol: 'USDT',
      detail: 'binance: the account holds 99219.92, capital and fills make it 99219.95',
    },
  },
  {
    code: 'MARKET_CLOSED',
    figures: { exchange: 'binance', symbol: 'BTC/USDT', detail: 'the exchange lists it as not trading' },
  },
  { code: 'MARKET_OPEN', figures: { exchange: 'binance', symbol: 'BTC/USDT', afterMs: 3_600_000 } },
  { code: 'SYMBOL_NOT_LISTED', figures: { exchange: 'binance', symbol: 'DOGE/USDT' } },
  { code: 'SYMBOL_NOT_LISTED_HELD', figures: { exchange: 'binance', symbol: 'DOGE/USDT', held: '250' } },
  {
    code: 'STOP_MISSING',
    figures: {
      symbol: 'BTC/USDT',
      detail:
        '0.25 held at binance: the box is halted and places none; place one, or close the position, by hand',
    },
  },
  { code: 'STOPS_NOT_OFFERED', figures: { exchange: 'bybit', symbols: 'BTC/USDT, ETH/USDT' } },
  {
    code: 'LIVE_REFUSED',
    figures: {
      exchange: 'kraken',
      reason: 'kraken: it is not proven for live orders',
      held: '0.19384 of kraken:BTC/USD is held',
    },
  },
  { code: 'DRAWDOWN_50', figures: { drawdown: 0.081, limit: 0.15 } },
  { code: 'DRAWDOWN_80', figures: { drawdown: 0.122, limit: 0.15 } },
  { code: 'DRAWDOWN_100', figures: { drawdown: 0.151, limit: 0.15 } },
  { code: 'PEAK_REBASED', figures: { by: 'anna', drawdown: 0.151, peak: 101_234.5, equity: 85_950.12 } },
  { code: 'DAILY_LOSS', figures: { loss: 0.021, limit: 0.02 } },
  { code: 'COOL_DOWN', figures: { losses: 4, bars: 1 } },
  { code: 'FEED_SILENT', figures: { symbol: 'BTC/USDT', ageMs: 245_000 } },
  { code: 'FEED_BACK', figures: { symbol: 'BTC/USDT', silentMs: 301_000 } },
  { code: 'QUARANTINE_RATE', figures: { symbol: 'BTC/USDT', rate: 0.014, limit: 0.01 } },
  { code: 'CLOCK_OFF', figures: { offsetMs: -1_400 } },
  { code: 'DISK_LOW', figures: { path: '/var/lib/redbutton', freePct: 4.2 } },
  { code: 'JOB_FAILED', figures: { job: 'redbutton-verify' } },
  { code: 'TEMPERATURE', figures: { celsius: 81.6 } },
  { code: 'UNDERVOLTAGE', figures: {} },
  { code: 'STORE_FAULT', figures: { detail: 'ENOSPC: no space left on device, write' } },
  {
    code: 'STORE_REBUILT',
    figures: { loss: DAMAGED },
  },
  {
    code: 'STORE_CONFIRMED',
    figures: { loss: DAMAGED },
  },
  {
    code: 'LAYER_FAULT',
    figures: { layer: 'ingestion', errorCode: 'E_FEED', detail: 'the connection was reset' },
  },
  { code: 'LAYER_BACK', figures: { layer: 'ingestion', afterMs: 44_000 } },
  { code: 'SERVICE_STARTED', figures: { reason: 'after a power cut', version: '0.1.0' } },
  { code: 'UPDATE_AVAILABLE', figures: { version: '0.2.0' } },
  { code: 'UPDATED', figures: { from: '0.1.0', to: '0.2.0' } },
  {
    code: 'UPDATE_FAILED',
    figures: { from: '0.1.0', to: '0.2.0', detail: 'the trader did not come up in 60 s' },
  },
  { code: 'OS_UPDATE_RESTART', figures: { packages: 1 } },
  { code: 'OS_UPDATED', figures: { packages: 12 } },
  { code: 'OS_UPDATE_FAILED', figures: { packages: 12 } },
  {
    code: 'MODEL_WARNING',
    figures: { model: '709b45ea', detail: 'rolling AUC 0.5213 (95 %: 0.487 to 0.556) is below 0.53' },
  },
  {
    code: 'MODEL_CRITICAL',
    figures: { model: '709b45ea', detail: 'rolling AUC 0.4312 (95 %: 0.370 to 0.492) is below 0.5' },
  },
  { code: 'MODEL_RETRAINED', figures: { model: '1c0ffee0', auc: 0.571, championAuc: 0.543 } },
  { code: 'MODEL_REFUSED', figures: { model: '1c0ffee0', auc: 0.521, championAuc: 0.543 } },
  { code: 'RETRAIN_FAILED', figures: { detail: 'it took more than 400 MB and was ended' } },
  { code: 'MODEL_PROMOTED', figures: { model: '1c0ffee0', before: '709b45ea' } },
  {
    code: 'MODEL_OFF_MARKET',
    figures: {
      model: '709b45ea',
      trainedOn: 'SPX/USD (1d) at binance',
      usedOn: 'BTC/USDT (1h) at binance; ETH/USDT (1h) at binance',
    },
  },
  { code: 'MODEL_MARKET_UNSAID', figures: { model: '1c0ffee0', usedOn: 'BTC/USDT (1h) at binance' } },
  {
    code: 'DAILY_SUMMARY',
    figures: { equity: 100_311.88, changePct: 0.42, drawdown: 0, fills: 2, state: 'ACTIVE' },
  },
  { code: 'TEST_INFO', figures: {} },
  { code: 'TEST_WARNING', figures: {} },
  { code: 'TEST_CRITICAL', figures: {} },
];

function rendered(raised: readonly Raised[]): string {
  const lines = raised.map(({ code, figures }) => {
    const { severity, sentence, remedy } = ALERT_CATALOGUE[code];
    const text = (sentence as (figures: unknown) => string)(figures);
    return `- \`${code}\`, ${severity}: ${text}\n  *${remedy}*`;
  });
  return `# Every alert, as the phone shows it

Made by \`test/core/alert-list.test.ts\` from the catalogue and from what the sources of the alerts give: a sentence that changes
shows here. \`npx vitest run test/core/alert-list.test.ts -u\` makes it again.

${[...new Set(lines)].join('\n')}
`;
}

describe('every alert', () => {
  const all = [...OF_GUARD, ...OF_OTHERS];

  it('is in the list', () => {
    const listed = new Set(all.map(({ code }) => code));
    expect(Object.keys(ALERT_CATALOGUE).filter((code) => !listed.has(code as AlertCode))).toEqual([]);
  });

  it('reads as the committed list shows it', async () => {
    await expect(rendered(all)).toMatchFileSnapshot('../../docs/alert-list.md');
  });

  it('says no figure that is missing, and nothing twice', () => {
    for (const { code, figures } of all) {
      const text = (ALERT_CATALOGUE[code].sentence as (figures: unknown) => string)(figures);
      expect(text, code).not.toMatch(
        /undefined|NaN|null|\[object|\.\.$|: :|by the button was|by the box was/,
      );
      expect(text, code).toMatch(/^[A-Z\d].*[.)\w]$/);
    }
  });
});
