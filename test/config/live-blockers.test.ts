import { stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { liveBlockers, sandboxWarnings } from '../../src/config/live-blockers.js';
import { LIVE_ACKNOWLEDGEMENT } from '../../src/config/live-terms.js';
import { parseConfig } from '../../src/config/load.js';

type Entry = Readonly<Record<string, unknown>>;
const SPOT = { id: 'binance', symbols: ['BTC/USDT'] };
const given = (exchange: readonly Entry[], more: Entry = {}) =>
  parseConfig(
    stringify({ mode: 'live', liveAcknowledgement: LIVE_ACKNOWLEDGEMENT, exchange, ...more }),
    'this test',
  );
const codes = (config: ReturnType<typeof given>) => liveBlockers(config).map(({ code }) => code);

describe('real money', () => {
  it('is not refused on binance spot, with stops, by either kind of order', () => {
    for (const orderType of ['limit_ioc', 'market'])
      expect(codes(given([SPOT], { risk: { protectiveStopPct: 5 }, execution: { orderType } }))).toEqual([]);
  });

  it.each(['kraken', 'coinbase', 'bybit', 'okx', 'gate', 'binanceus', 'binanceusdm', 'myokx', 'hyperliquid'])(
    'is refused at %s, which nobody has proven, first of all',
    (id) => {
      const [first] = liveBlockers(given([{ ...SPOT, id }], { liveAcknowledgement: '' }));
      expect(first).toMatchObject({ code: 'E_EXCHANGE_UNPROVEN', exchange: id });
      expect(first!.message).toBe(`${id}: it is not proven for live orders`);
    },
  );

  it.each([
    ['a derivative', { id: 'binance', symbols: ['BTC/USDT:USDT'] }, {}, ['E_LIVE_DERIVATIVE']],
    [
      'an inverse contract',
      { id: 'binance', symbols: ['BTC/USD:BTC'] },
      {},
      ['E_LIVE_DERIVATIVE', 'E_LIVE_INVERSE'],
    ],
    [
      'spot and swap in one entry',
      { id: 'binance', symbols: ['BTC/USDT', 'BTC/USDT:USDT'] },
      {},
      ['E_LIVE_DERIVATIVE', 'E_LIVE_MIXED'],
    ],
    [
      'stops where none are proven',
      { ...SPOT, id: 'okx' },
      { risk: { protectiveStopPct: 1 } },
      ['E_EXCHANGE_UNPROVEN', 'E_LIVE_STOPS'],
    ],
    [
      'market orders where none are proven',
      { ...SPOT, id: 'coinbase' },
      { execution: { orderType: 'market' } },
      ['E_EXCHANGE_UNPROVEN', 'E_LIVE_MARKET_ORDERS'],
    ],
    [
      'Kraken futures',
      { id: 'krakenfutures', symbols: ['BTC/USD:USD'] },
      {},
      ['E_EXCHANGE_UNPROVEN', 'E_LIVE_DERIVATIVE', 'E_LIVE_FUTURES'],
    ],
    [
      'Gate futures',
      { id: 'gate', symbols: ['BTC/USDT:USDT'] },
      {},
      ['E_EXCHANGE_UNPROVEN', 'E_LIVE_DERIVATIVE', 'E_LIVE_FUTURES'],
    ],
    ['a button that is simulated', SPOT, { gpio: { backend: 'simulated' } }, ['E_LIVE_BUTTON']],
    ['an owner who has not said so', SPOT, { liveAcknowledgement: 'yes' }, ['E_LIVE_ACKNOWLEDGEMENT']],
  ] as const)('is refused for %s, in words of its own', (_, entry, more, expected) => {
    const config = given([entry], more);
    expect(codes(config)).toEqual(expected);
    const refusals = liveBlockers(config);
    expect(new Set(refusals.map(({ message }) => message)).size).toBe(refusals.length);
    for (const { remedy } of refusals) expect(remedy).not.toContain('"market"');
    // On a test network the same is said, of all but the owner's word, and on paper nothing.
    const sandboxed = given([{ ...entry, sandbox: true }], more);
    expect(liveBlockers(sandboxed)).toEqual([]);
    expect(sandboxWarnings(sandboxed).map(({ code }) => code)).toEqual(
      expected.filter((code) => code !== 'E_LIVE_ACKNOWLEDGEMENT'),
    );
    const paper = given([entry], { ...more, mode: 'paper' });
    expect([...liveBlockers(paper), ...sandboxWarnings(paper)]).toEqual([]);
  });

  it('is refused at each exchange for itself', () => {
    const refusals = liveBlockers(given([SPOT, { ...SPOT, id: 'kraken' }]));
    expect(refusals.map(({ exchange, code }) => `${exchange} ${code}`)).toEqual([
      'kraken E_EXCHANGE_UNPROVEN',
    ]);
  });
});
