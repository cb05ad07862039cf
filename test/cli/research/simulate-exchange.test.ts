// @module-tag sockets

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCcxtFeed, createExchange } from '../../../src/adapters/ccxt/index.js';
import { command } from '../../../src/cli/research/simulate-exchange.js';
import { createFollowingClock } from '../../../src/simulator/index.js';
import { HOUR_MS, START_MS, walk } from '../../simulator/world.js';
import { captureIo } from '../../support/command-io.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'simulate-exchange-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function candleFile(rows: number): Promise<string> {
  const { openMs, open, high, low, close, volume } = walk(rows);
  const lines = Array.from(openMs, (t, i) => [t, open[i], high[i], low[i], close[i], volume[i]].join(','));
  const file = path.join(folder, 'candles.csv');
  await writeFile(file, `timestamp_ms,open,high,low,close,volume\n${lines.join('\n')}\n`);
  return file;
}

/** Starts the command and resolves with its addresses once they are printed. */
async function start(args: readonly string[]) {
  const controller = new AbortController();
  const io = { ...captureIo(), signal: controller.signal };
  const exit = command.run(args, io);
  let addresses: RegExpExecArray | null = null;
  while (!addresses) {
    addresses = /restUrl (\S+) {2}wsUrl (\S+)/.exec(io.out());
    await Promise.race([delay(5), exit]);
  }
  return { restUrl: addresses[1]!, wsUrl: addresses[2]!, io, exit, stop: () => controller.abort() };
}

describe('simulate-exchange', () => {
  it('stands in for another exchange', async () => {
    const { restUrl, wsUrl, exit, stop } = await start([
      ...['--candles', await candleFile(130), '--symbol', 'BTC/USDT', '--timeframe', '1h'],
      ...['--from', '110', '--speed', '0', '--dialect', 'kraken', '--tier', 'starter'],
    ]);
    const clock = await createFollowingClock(restUrl, 5);
    const settings = { id: 'kraken', symbols: ['BTC/USDT'], restUrl, wsUrl, sandbox: false };
    const { api } = await createExchange(settings, clock, { apiKey: 'simulated', secret: 'c2ltdWxhdGVk' });
    expect((await api.fetchBalance()).total).toEqual({ USDT: '100000.00000000' });
    clock.stop();
    stop();
    await exit;
  });

  it('serves a file to ccxt under a clock that follows it over the network', async () => {
    const file = await candleFile(130);
    const { restUrl, wsUrl, exit, stop } = await start([
      ...['--candles', file, '--symbol', 'BTC/USDT', '--timeframe', '1h'],
      ...['--from', '110', '--speed', '0'],
    ]);
    const clock = await createFollowingClock(restUrl, 5);
    const exchange = await createExchange(
      { id: 'binance', symbols: ['BTC/USDT'], restUrl, wsUrl, sandbox: false },
      clock,
      { apiKey: 'simulated', secret: 'simulated' },
    );
    const feed = createCcxtFeed(exchange);
    const bars: number[] = [];
    const ending = new AbortController();
    let alive = false;
    const stream = feed.stream(
      'BTC/USDT',
      '1h',
      (bar) => {
        bars.push(bar.openMs);
        clock.atLeast(bar.openMs + HOUR_MS);
      },
      () => {
        alive = true;
      },
      ending.signal,
    );
    while (!alive) await delay(1);
    for (let i = 0; i < 5; i++) {
      await fetch(`${restUrl}/sim/step`, { method: 'POST' });
      while (bars.length <= i) await delay(1);
      const closeMs = bars[i]! + HOUR_MS;
      expect(clock.wallMs() - closeMs).toBeGreaterThanOrEqual(0);
      expect(clock.wallMs() - closeMs).toBeLessThan(5000);
      await exchange.api.fetchBalance();
    }
    ending.abort();
    await stream;
    expect(bars).toEqual([110, 111, 112, 113, 114].map((i) => START_MS + i * HOUR_MS));
    clock.stop();
    stop();
    expect(await exit).toBe(0);
  });

  it('plays at its own speed and says when the file is at its end', async () => {
    const { io, exit, stop } = await start([
      ...['--candles', await candleFile(60), '--symbol', 'BTC/USDT', '--timeframe', '1h'],
      ...['--from', '40', '--speed', '1000', '--balances', 'USDT=5,BTC=0.1'],
    ]);
    while (!io.out().includes('the last candle is complete')) await delay(5);
    stop();
    expect(await exit).toBe(0);
    expect(io.err()).toContain('100 %');
  });

  it.each([
    [[], 'E_USAGE'],
    [['--symbol', 'BTC/USDT', '--timeframe', '1x'], 'E_TIMEFRAME'],
    [['--symbol', 'BTC/USDT', '--timeframe', '1h', '--port', '70000'], 'E_USAGE'],
    [['--symbol', 'BTC/USDT', '--timeframe', '1h', '--balances', 'USDT'], 'E_USAGE'],
    [['--symbol', 'BTC/USDT', '--timeframe', '1h', '--from', '1000'], 'E_SIM_START'],
    [['--symbol', 'BTCUSDT', '--timeframe', '1h'], 'E_USAGE'],
  ])('refuses %j with %s', async (args, code) => {
    const file = await candleFile(60);
    await expect(command.run(['--candles', file, ...args], captureIo())).rejects.toMatchObject({
      code,
      exitCode: 2,
    });
  });
});
