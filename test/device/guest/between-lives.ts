import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { callControl } from '../../../src/adapters/control-socket/control-client.js';
import { loadGpioAddon } from '../../../src/adapters/gpio/line-addon.js';
import { createPermitReader } from '../../../src/adapters/permit-file/permit-reader.js';
import { pathsOf } from '../../../src/config/paths.js';
import { createArmedRecordFile } from '../../../src/guard/armed-record.js';
import type { GuardStatus } from '../../../src/guard/status.js';
import { type FdStore, runFdStore } from '../../support/fd-store/run-fd-store.js';
import { simulatedBank, unexport } from './simulated-bank.js';

const BUTTON = 5;
const LED = 17;
/** The unit's RestartSec. */
const RESTART_MS = 500;
const clock = createSystemClock();
let bank = simulatedBank();
let box: Awaited<ReturnType<typeof startArmed>>;
afterEach(async () => {
  await box?.dispose();
  bank.drive(BUTTON, 0);
  unexport(BUTTON, LED);
});

/** A guard of an armed box under a store of descriptors, as systemd runs it; it gives a permit for orders that reduce. */
async function startArmed(backend: 'onoff' | 'chardev') {
  bank.drive(BUTTON, 0);
  const dir = mkdtempSync(join(tmpdir(), 'rb-'));
  const device = { name: 'box', stateDir: join(dir, 'state'), runDir: mkdtempSync('/run/rb-') };
  const paths = pathsOf(device);
  await createArmedRecordFile(paths.armedRecord).write({ armed: true, epoch: 3, atMs: 0, cause: 'test' });
  const config = join(dir, 'redbutton.toml');
  // On a simulated bank of a kernel a bias is the hand on the line itself, and would press the button.
  writeFileSync(
    config,
    `[[exchange]]\nid = "binance"\nsymbols = ["BTC/USDT"]\n[device]\nstateDir = "${device.stateDir}"\nrunDir = "${device.runDir}"\n[gpio]\nbackend = "${backend}"\nbias = "as-is"\n`,
  );
  const store: FdStore = runFdStore('/opt/redbutton/fd-store', RESTART_MS, [
    ...['node', 'dist/main.js', 'guard', '--config', config],
  ]);
  const reader = createPermitReader(paths.permit, clock);
  const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
    const endMs = clock.monotonicMs() + 120_000;
    while (!(await isSo())) {
      if (clock.monotonicMs() > endMs) throw new Error(`waited in vain for ${what}:\n${store.output()}`);
      await delay(2);
    }
  };
  const isReady = (lives: number) => store.output().split('"ready"').length - 1 >= lives;
  const started = {
    store,
    until,
    isPermitted: () => reader.read().ok,
    status: async () =>
      (await callControl(paths.guardSocket, 'the guard', 'GET', '/status')).body as GuardStatus,
    /** Ends this life of the guard, lets something happen before the next, and returns when that one is up. */
    async between(signal: NodeJS.Signals, act: (pid: number) => void | Promise<void>) {
      const before = store.lives().length;
      const { pid } = store.lives().at(-1)!;
      const fromMs = clock.monotonicMs();
      process.kill(pid, signal);
      await act(pid);
      await until('the next life', () => store.lives().length > before);
      await until('it to be up', () => isReady(before + 1));
      return { gapMs: clock.monotonicMs() - fromMs };
    },
    async dispose() {
      await store.dispose();
      rmSync(dir, { recursive: true, force: true });
      rmSync(device.runDir, { recursive: true, force: true });
    },
  };
  await until('the first life', () => isReady(1));
  await until('a permit', started.isPermitted);
  return started;
}

/** A hand that presses a button which does not latch. */
async function pressAndLetGo(times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    bank.drive(BUTTON, 1);
    await delay(times === 1 ? 30 : 1);
    bank.drive(BUTTON, 0);
  }
}

describe.each(['onoff', 'chardev'] as const)('between two lives of the guard on %s', (backend) => {
  it('a press that was let go halts the second before any permit; without one it continues', async () => {
    box = await startArmed(backend);
    const gaps: number[] = [];
    for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
      const { gapMs } = await box.between(signal, () => {});
      await box.until('a permit again', box.isPermitted);
      expect(await box.status()).toMatchObject({ halt: null, lineFault: null });
      gaps.push(Math.round(gapMs));
    }
    console.log(
      `emulated, ${backend}: from the end of a guard (SIGKILL, SIGKILL, SIGTERM) to the next one that looks: ${gaps.join(', ')} ms, ${RESTART_MS} ms of it the unit's pause`,
    );
    expect(box.store.lives().at(-1)!.kept).toEqual([`line-${BUTTON}`]);

    let permits = 0;
    await box.between('SIGKILL', async () => {
      await delay(100);
      await pressAndLetGo();
      // The last half second of the dead guard's permit is over by then.
      await delay(RESTART_MS);
      void (async () => {
        for (let i = 0; i < 500; i++, await delay(5)) if (box.isPermitted()) permits++;
      })();
    });
    await box.until('the halt', async () => (await box.status()).state === 'HALTED');
    expect((await box.status()).halt).toMatchObject({ cause: 'button' });
    await delay(1_000);
    expect(permits).toBe(0);
    // It does not halt again and again for the same press.
    const { epoch } = await box.status();
    await delay(500);
    expect((await box.status()).epoch).toBe(epoch);
  });

  it.each([
    ['after a clean end', 'SIGTERM', 1],
    ['so often that the queue overflows', 'SIGKILL', 40],
  ] as const)('a press %s halts', async (_, signal, times) => {
    box = await startArmed(backend);
    await box.between(signal, async () => {
      await delay(300);
      await pressAndLetGo(times);
    });
    expect((await box.status()).halt).toMatchObject({ cause: 'button' });
  });

  it('a press at the very moment of the end halts', async () => {
    for (const afterMs of [0, 1, 4]) {
      box = await startArmed(backend);
      bank.drive(BUTTON, 1);
      const untilMs = performance.now() + afterMs;
      while (performance.now() < untilMs);
      await box.between('SIGKILL', async () => {
        await delay(20);
        bank.drive(BUTTON, 0);
      });
      const { state, halt } = await box.status();
      expect([afterMs, state, halt !== null]).toEqual([afterMs, 'HALTED', true]);
      await box.dispose();
      unexport(BUTTON, LED);
    }
    box = await startArmed(backend);
  });
});

describe('a line that was kept', () => {
  it('is used for nothing but what it is', () => {
    const addon = loadGpioAddon();
    const { path } = addon.gpioChips().find(({ label }) => label === 'pinctrl-bcm2711')!;
    const request = () => addon.gpioInput(path, 7, 'as-is', 0).descriptor();
    expect(addon.gpioAdoptInput(request(), path, 8, 'as-is', 0)).toBeNull();
    expect(addon.gpioAdoptInput(request(), '/dev/gpiochip9', 7, 'as-is', 0)).toBeNull();
    const file = addon.gpioValueFile('/proc/self/stat').descriptor();
    expect(addon.gpioAdoptInput(file, path, 7, 'as-is', 0)).toBeNull();
    const line = addon.gpioAdoptInput(request(), path, 7, 'as-is', 1000);
    expect(line?.read()).toBe(0);
    line?.close();
  });

  // Last, since the bank is another one after it.
  it('is opened as if it were new where its chip went and came back meanwhile', async () => {
    box = await startArmed('chardev');
    await box.between('SIGKILL', () => {
      writeFileSync('/sys/kernel/config/gpio-sim/pi/live', '0');
      writeFileSync('/sys/kernel/config/gpio-sim/pi/live', '1');
      bank = simulatedBank();
      bank.drive(BUTTON, 0);
    });
    await box.until('a permit', box.isPermitted);
    expect(await box.status()).toMatchObject({ halt: null, lineFault: null });
  });
});
