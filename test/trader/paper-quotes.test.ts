import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { createLog } from '../../src/adapters/log/log.js';
import { accountOf, boxPaths, pathsOf } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { createPaperQuotes } from '../../src/trader/paper-quotes.js';
import { BTC, barOf } from '../contract/store-rows.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-quotes-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const configOf = (paperSlippage: 'fixed' | 'fitted', mode: 'paper' | 'live' = 'paper', sandbox = false) =>
  configSchema.parse({
    mode,
    device: { stateDir: dir },
    exchange: [{ id: 'binance', symbols: ['BTC/USDT'], sandbox }],
    execution: { paperSlippage },
  });

/** What the log says when the quotes are made, and the quotes of a close at 100 with and without a book. */
async function quotes(paperSlippage: 'fixed' | 'fitted') {
  const lines: string[] = [];
  const clock = createSimulatedClock();
  const quoteOf = await createPaperQuotes({
    config: configOf(paperSlippage),
    clock,
    log: createLog('info', { write: (line) => void lines.push(line) }),
  });
  const book = { bid: 99.9, ask: 100.1, atMs: 5, source: 'book' } as const;
  return {
    said: lines.join(''),
    close: quoteOf(BTC, 100, undefined, '0.01'),
    book: quoteOf(BTC, 100, book, '0.01'),
  };
}

/** Buys on a live account, each 20 bps above the close decided on and 10 above the ask of the decision. */
async function liveFills(
  from: number,
  count: number,
  database = pathsOf(configOf('fixed').device, 'live').database,
) {
  const store = await openStore({ path: database });
  const rng = seededRng(3).next;
  for (let i = from; i < from + count; i++) {
    // Every second one was routed to BTC's exchange from a stream of another.
    const stream = i % 2 === 0 ? BTC : { ...BTC, exchange: 'elsewhere' };
    const bar = barOf(stream, i, { rng, decided: true, risk: 'order' });
    const risk = bar.risk as Extract<typeof bar.risk, { kind: 'order' }>;
    const quote = { bid: 99.9, ask: 100.1, atMs: 1, source: 'book' } as const;
    await store.commitBar({
      ...bar,
      risk: { ...risk, side: 'buy', inputs: { ...risk.inputs, exchange: BTC.exchange, quote } },
    });
    const clientOrderId = `rb-${i}`;
    const { openMs: atMs } = bar.candle;
    const common = { clientOrderId, exchange: BTC.exchange, symbol: BTC.symbol, side: 'buy' } as const;
    await store.recordOrder(
      {
        order: {
          ...common,
          type: 'market',
          amount: '1',
          barOpenMs: atMs,
          decisionPrice: 100,
          reducing: false,
        },
        status: 'filled',
        exchangeOrderId: null,
        filled: '1',
        averagePrice: '100.2001',
        reason: null,
        message: null,
        atMs,
      },
      [{ ...common, fillId: String(i), price: '100.2001', amount: '1', fee: '0', feeCurrency: 'USDT', atMs }],
    );
  }
  await store.close();
}

describe('paper quotes', () => {
  it('are as the own live fills had it, from thirty of them on, and say so', {
    timeout: 60_000,
  }, async () => {
    // Given no live fill, too few, and fills of a test network
    expect((await quotes('fitted')).said).toContain('too few own live fills');
    await liveFills(0, 29);
    await liveFills(0, 40, pathsOf(configOf('fixed').device, 'testnet').database);
    const few = await quotes('fitted');
    expect(few.said).toContain('too few own live fills');
    expect(few.close).toMatchObject({ bid: 99.95, ask: 100.05, source: 'close' });
    expect(few.book).toEqual({ bid: 99.9, ask: 100.1, atMs: 5, source: 'book' });
    // When there is one more
    await liveFills(29, 1);
    const fitted = await quotes('fitted');
    expect(fitted.said).toContain('fitted to own live fills');
    expect(JSON.parse(fitted.said)).toMatchObject({ fills: 30, decisionBps: expect.closeTo(20.01, 2) });
    expect(fitted.close).toMatchObject({ bid: 99.79, ask: 100.21, source: 'close' });
    expect(fitted.book).toEqual({ bid: 99.8, ask: 100.21, atMs: 5, source: 'book' });
    // Then who did not ask for it has the fixed one
    expect(await quotes('fixed')).toEqual({ said: '', close: few.close, book: few.book });
  });

  it('come from a paper account, whose files are not those of another', () => {
    const accounts = [configOf('fixed'), configOf('fixed', 'live', true), configOf('fixed', 'live')];
    expect(accounts.map(accountOf)).toEqual(['paper', 'testnet', 'live']);
    for (const key of ['database', 'journal'] as const)
      expect(new Set(accounts.map((config) => boxPaths(config)[key])).size).toBe(3);
    expect(path.basename(boxPaths(accounts[0]!).database)).toBe('redbutton.duckdb');
  });
});
