// @module-tag sockets

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../src/adapters/clock/system-scheduler.js';
import { SimulatedGpio } from '../../src/adapters/gpio/simulated.js';
import { configSchema } from '../../src/config/schema.js';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { type HaltExchange, HaltHandler } from '../../src/execution/halt-handler.js';
import { InProcessGuard, simulatedButtonOf } from '../../src/guard/in-process.js';
import type { Broker } from '../../src/ports/broker.js';
import { runBacktest } from '../../src/research/backtest/backtest.js';
import { pressTwice } from '../support/press-twice.js';
import { CONFIG, MODEL, randomWalk, tinyStream } from '../support/tiny-stream.js';
import { endedShort, fillOn, knowsAll, THIN } from '../trader/ended-short.js';
import { startLiveTrader } from '../trader/live-trader.js';
import { filesEntered } from './entered.js';

const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');

/** The files of a way as the page names them. */
function wayOf(title: string): readonly string[] {
  const from = page.indexOf(`**${title}**`);
  const paragraph = page.slice(from, page.indexOf('\n\n', from));
  return [...paragraph.matchAll(/`src\/([\w./-]+\.ts)`/g)].map(([, file]) => file!);
}

/** Every file of the way took part; the others are printed. What the exchange itself does is no part of the box. */
function expectWay(title: string, filesMax: number, entered: readonly string[]): void {
  const way = wayOf(title);
  expect(way.length).toBeGreaterThan(5);
  expect(way.length).toBeLessThanOrEqual(filesMax);
  expect(way.filter((file) => !entered.includes(file))).toEqual([]);
  const others = entered.filter((file) => !way.includes(file) && !file.startsWith('simulator/'));
  const rules = others.filter((file) => file.startsWith('core/'));
  const rest = others.filter((file) => !file.startsWith('core/'));
  console.log(
    `${title}: ${way.length} files, and ${others.length} more entered: ${rules.length} of core; ${rest.join(' ')}`,
  );
}

/** An exchange at which a halt finds nothing. */
const NOTHING_OPEN: HaltExchange = {
  broker: { exchange: 'binance', kind: 'paper', openOrders: async () => [] } as unknown as Broker,
  symbols: ['BTC/USDT'],
  resolveUnknown: async () => 0,
  flatten: async () => [],
  positions: () => [],
  invalidate: () => undefined,
  compare: async () => null,
};

describe('the ways that docs/architecture.md names', () => {
  it('a candle', async () => {
    const box = await startLiveTrader();
    try {
      for (let i = 0; i < 5; i++) await box.step();
      expectWay('A candle', 14, await filesEntered(() => box.step()));
    } finally {
      await box.stop();
    }
  });

  it('a fill', async () => {
    const box = await startLiveTrader(THIN);
    try {
      const order = await endedShort(box);
      const entered = await filesEntered(async () => {
        fillOn(box, order);
        await box.until('the fill', () => knowsAll(box, order));
        await box.until(
          'its report',
          async () => (await box.trader.store.restore()).unreportedFills.length === 0,
        );
      });
      expectWay('A fill', 10, entered);
    } finally {
      await box.stop();
    }
  });

  it('a press', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rb-'));
    const clock = createSystemClock();
    const gpio = new SimulatedGpio();
    const config = {
      mode: 'paper' as const,
      device: { name: 'box', stateDir: join(dir, 'state'), runDir: dir },
      guard: configSchema.shape.guard.parse({ mode: 'in-process' }),
      gpio: configSchema.shape.gpio.parse({ backend: 'simulated' }),
    };
    const button = simulatedButtonOf(gpio, config);
    const inProcess = new InProcessGuard({
      ...{ config, clock, gpio, simulatedButton: button, onNotice: () => undefined },
      scheduler: createSystemScheduler(),
    });
    const { guard } = inProcess;
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await delay(5);
    };
    try {
      await inProcess.start();
      const link = inProcess.link(
        new HaltHandler({ exchanges: [NOTHING_OPEN], clock, isOurs: () => true, scope: 'ours' }),
      );
      link.start();
      await until(() => guard.status().contact === 'released');
      guard.resume('anna');
      await pressTwice(button, () => guard.status().contact);
      await until(() => guard.status().armed);
      const entered = await filesEntered(async () => {
        button(true);
        await until(() => guard.status().halt?.confirmed === true && guard.status().halt?.recorded !== false);
        await delay(50);
      });
      await link.stop();
      expectWay('A press', 14, entered);
    } finally {
      await inProcess.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('a bar of a backtest', async () => {
    const candles = toColumns(randomWalk(seededRng(21), 2000));
    const entered = await filesEntered(async () => {
      const result = await runBacktest({
        candles,
        makeStream: (clock) => tinyStream(clock),
        model: MODEL,
        config: CONFIG,
        startCash: '100000',
        fillModel: { halfSpreadBps: 5 },
      });
      expect(result.fills.length).toBeGreaterThan(0);
    });
    expectWay('A bar of a backtest', 12, entered);
  });
});
