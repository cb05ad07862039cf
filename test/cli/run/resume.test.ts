// @module-tag sockets

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { afterAll, describe, expect, it } from 'vitest';
import { SimulatedGpio } from '../../../src/adapters/gpio/simulated.js';
import { createLog } from '../../../src/adapters/log/log.js';
import { createPermitReader } from '../../../src/adapters/permit-file/permit-reader.js';
import { command } from '../../../src/cli/run/resume.js';
import { loadConfig } from '../../../src/config/load.js';
import { boxPaths } from '../../../src/config/paths.js';
import { toColumns } from '../../../src/core/candle.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { Lockstep, until } from '../../../src/demo/lockstep.js';
import { RedButton } from '../../../src/demo/red-button.js';
import { simulatedButtonOf } from '../../../src/guard/in-process.js';
import { ExchangeSimulator, simulatedClock } from '../../../src/simulator/index.js';
import { createTrader } from '../../../src/trader/trader.js';
import { captureIo } from '../../support/command-io.js';
import { randomWalk } from '../../support/tiny-stream.js';

const MODEL = fileURLToPath(new URL('../../../models/sp500-daily', import.meta.url));
const HISTORY = 60;
const dir = mkdtempSync(path.join(tmpdir(), 'rb-resume-'));
const file = path.join(dir, 'redbutton.toml');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What `redbutton resume` does and says. */
async function resume(...args: string[]) {
  const io = { ...captureIo(), env: { USER: 'anna' } };
  const code = await command.run(['--config', file, ...args], io);
  return { code, said: io.out() + io.err() };
}

/** A whole trader on paper with its guard, whose circuit breaker trips at the first loss that can be seen. */
async function startBox(simulator: ExchangeSimulator) {
  const config = loadConfig(file);
  const clock = simulatedClock(simulator);
  const gpio = new SimulatedGpio({ [config.gpio.buttonLine]: 0 });
  const lockstep = new Lockstep(simulator);
  const trader = await createTrader({
    config,
    env: {},
    clock,
    rng: seededRng(5),
    log: createLog('error', { write: (line) => void process.stderr.write(line) }),
    version: '0.0.0-test',
    gpio,
    onBar: (outcome) => lockstep.onBar(outcome),
  });
  await trader.start();
  const ending = new AbortController();
  const ended = trader.run(ending.signal).catch((error: unknown) => lockstep.fail(error));
  await until(() => simulator.subscribers('BTC/USDT') > 0, 'the subscription');
  const permit = createPermitReader(boxPaths(config).permit, clock);
  const press = simulatedButtonOf(gpio, config);
  return {
    trader,
    lockstep,
    button: new RedButton(trader.guard!.guard, press, () => permit.read().ok),
    press,
    permitted: () => permit.read().ok,
    async stop() {
      ending.abort(new Error('over'));
      await ended;
      await trader.stop();
      await until(() => simulator.subscribers('BTC/USDT') === 0, 'the end of the subscription');
    },
  };
}

describe('resume after the drawdown circuit breaker', () => {
  it('takes a person’s word, writes it down with the name, and keeps it over a restart', {
    timeout: 120_000,
  }, async () => {
    const simulator = new ExchangeSimulator({
      markets: [{ symbol: 'BTC/USDT', timeframe: '1h', candles: toColumns(randomWalk(seededRng(9), 600)) }],
      startIndex: HISTORY,
      book: { halfSpreadBps: 5 },
    });
    await simulator.start();
    writeFileSync(
      file,
      stringify({
        modelDir: MODEL,
        device: { name: 'test-box', stateDir: path.join(dir, 'state'), runDir: dir },
        exchange: [
          {
            id: 'binance',
            symbols: ['BTC/USDT'],
            restUrl: simulator.restUrl,
            wsUrl: simulator.wsUrl,
            simulatedTime: true,
          },
        ],
        signals: { confidenceThreshold: 0.01 },
        risk: { drawdownHaltFraction: 0.001 },
        execution: { ordersPerMinuteMax: 1_000_000 },
        ingestion: { silenceMsMax: 86_400_000 },
        guard: { mode: 'in-process' },
        gpio: { backend: 'simulated' },
      }),
    );
    // Given a box whose breaker has tripped
    let box = await startBox(simulator);
    await box.button.rearm();
    expect((await resume('--rebase-peak')).said).toContain('has not tripped');
    let bars = 0;
    const account = () => box.trader.pipeline.state().account;
    while (!account().breakerTripped) {
      expect(bars++).toBeLessThan(300);
      await box.lockstep.next();
    }
    const tripped = account();
    // Then neither a bare resume nor a word while it is armed is taken
    expect(await resume()).toMatchObject({
      code: 1,
      said: expect.stringContaining('run it with --rebase-peak'),
    });
    expect(await resume('--rebase-peak')).toMatchObject({
      code: 1,
      said: expect.stringContaining('the box is not halted'),
    });
    // Nor one that is asked of the trader behind the command's back
    const { callControl } = await import('../../../src/adapters/control-socket/control-client.js');
    const { traderSocket } = boxPaths(loadConfig(file));
    const asked = await callControl(traderSocket, 'the trader', 'POST', '/breaker/rebase', { by: 'mallory' });
    expect(asked).toMatchObject({ body: { error: 'E_NOT_HALTED' } });
    expect(account()).toMatchObject({ breakerTripped: true, peakEquity: tripped.peakEquity });
    // When the box is halted and started again, the latch is still there, and a bare resume refused
    await box.button.press();
    await box.stop();
    box = await startBox(simulator);
    expect(account()).toMatchObject({ breakerTripped: true, peakEquity: tripped.peakEquity });
    expect((await resume('--json')).said).toMatch(/^\{"opened":false,"reason":"breaker_tripped"/);
    // Nor is the word taken of a halted box for which no person has asked
    const early = await callControl(traderSocket, 'the trader', 'POST', '/breaker/rebase', { by: 'mallory' });
    expect(early).toMatchObject({ body: { error: 'E_WINDOW' } });
    expect(account()).toMatchObject({ breakerTripped: true, peakEquity: tripped.peakEquity });
    // And with the word it opens, is written down, and outlives another start before any bar
    box.press(false);
    await until(() => box.trader.guard!.guard.status().contact === 'released', 'a released contact');
    const { code, said } = await resume('--rebase-peak');
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('said by anna') });
    expect(said).toContain('resume is open for 120 s');
    expect(box.permitted()).toBe(false);
    const { equity } = account();
    expect(account()).toMatchObject({ breakerTripped: false, peakEquity: equity, drawdown: 0 });
    const rebases = await box.trader.store.rebases();
    expect(rebases).toEqual([
      {
        atMs: expect.any(Number),
        by: 'anna',
        peakBefore: tripped.peakEquity,
        drawdownBefore: expect.any(Number),
        equity,
      },
    ]);
    await box.stop();
    box = await startBox(simulator);
    expect(account()).toMatchObject({ breakerTripped: false, peakEquity: equity });
    await box.stop();
    await simulator.stop();
  });
});
