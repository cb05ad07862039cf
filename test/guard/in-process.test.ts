// @module-tag sockets

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../src/adapters/clock/system-scheduler.js';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { SimulatedGpio } from '../../src/adapters/gpio/simulated.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { pathsOf } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import type { GuardNotice } from '../../src/guard/guard.js';
import { InProcessGuard, simulatedButtonOf } from '../../src/guard/in-process.js';
import { pressTwice } from '../support/press-twice.js';

let dir: string;
let inProcess: InProcessGuard;
const notices: GuardNotice[] = [];
const clock = createSystemClock();
const optionsOf = (mode: 'paper' | 'live') => {
  const gpio = new SimulatedGpio();
  const config = {
    mode,
    device: { name: 'box', stateDir: join(dir, 'state'), runDir: dir },
    guard: configSchema.shape.guard.parse({ mode: 'in-process' }),
    gpio: configSchema.shape.gpio.parse({ backend: 'simulated' }),
  };
  return {
    config,
    clock,
    scheduler: createSystemScheduler(),
    gpio,
    simulatedButton: simulatedButtonOf(gpio, config),
    onNotice: (notice: GuardNotice) => notices.push(notice),
  };
};
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rb-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; !isSo(); i++) {
    if (i > 1000) throw new Error(`waited in vain for ${what}`);
    await delay(5);
  }
}

describe('the guard in the trader’s process', () => {
  it('uses the same permit, record and socket, and the link without a socket between', async () => {
    const options = optionsOf('paper');
    const paths = pathsOf(options.config.device);
    inProcess = new InProcessGuard(options);
    const { guard } = inProcess;
    await inProcess.start();
    const permit = createPermitReader(paths.permit, clock);
    const asked: string[] = [];
    const link = inProcess.link({
      async cancelAll({ cause }) {
        asked.push(`cancel ${cause}`);
        return { confirmed: true, openOrders: 0, detail: 'no open order' };
      },
      async reconcile() {
        asked.push('reconcile');
      },
    });
    link.start();
    await until('a released contact', () => guard.status().contact === 'released');
    expect(guard.resume('anna').opened).toBe(true);
    await pressTwice(options.simulatedButton, () => guard.status().contact);
    await until('ACTIVE', () => guard.status().armed);
    expect(permit.read()).toMatchObject({ ok: true, state: 'ACTIVE' });

    options.simulatedButton(true);
    expect(permit.read()).toEqual({ ok: false, reason: 'revoked' });
    await until('the confirmation', () => guard.status().halt?.confirmed === true);
    expect(asked.slice(-2)).toEqual(['reconcile', 'cancel button']);
    const answer = await callControl(paths.guardSocket, 'the guard', 'GET', '/status');
    expect(answer.body).toMatchObject({ state: 'HALTED', halt: { cause: 'button' } });
    expect(notices.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['rearmed', 'active', 'halted']));

    link.requestHalt('drawdown');
    expect(guard.status().halt?.cause).toBe('button');
    await link.stop();
    await inProcess.stop();
  });

  it('is refused for live', () => {
    expect(() => new InProcessGuard(optionsOf('live'))).toThrow('paper mode only');
  });
});
