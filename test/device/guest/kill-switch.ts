import { readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type LiveBox, startLiveBox } from '../../guard/live-box.js';
import { simulatedBank } from './simulated-bank.js';

const BUTTON = 5;
const LED = 17;
/** Under emulation the limits of the kill switch count three times. */
const SLOWER = 3;

const bank = simulatedBank();
let box: LiveBox;
afterEach(async () => {
  await box?.dispose();
  bank.drive(BUTTON, 0);
});

/** A box whose contact is normally closed: an open one lets the line rise. */
const start = (backend: 'onoff' | 'chardev', guardOnly = false) => {
  bank.drive(BUTTON, 0);
  return startLiveBox({
    modelDir: '/opt/redbutton/models/sp500-daily',
    lines: { backend, move: (pressed) => bank.drive(BUTTON, pressed ? 1 : 0) },
    guardOnly,
  });
};

async function press(): Promise<{ fromMs: number; shutMs: number }> {
  const fromMs = box.nowMs();
  bank.drive(BUTTON, 1);
  while (box.permit().ok) await new Promise<void>((resolve) => setImmediate(resolve));
  return { fromMs, shutMs: box.nowMs() };
}

/** How long the LED stays lit and dark, in milliseconds, as its line is seen from outside. */
async function watchLed(forMs: number): Promise<readonly { level: 0 | 1; ms: number }[]> {
  const runs: { level: 0 | 1; ms: number }[] = [];
  const endMs = box.nowMs() + forMs;
  let sinceMs = box.nowMs();
  let level = bank.level(LED);
  while (box.nowMs() < endMs) {
    await delay(5);
    const now = bank.level(LED);
    if (now === level) continue;
    runs.push({ level, ms: Math.round(box.nowMs() - sinceMs) });
    level = now;
    sinceMs = box.nowMs();
  }
  runs.push({ level, ms: Math.round(box.nowMs() - sinceMs) });
  return runs;
}

describe.each(['onoff', 'chardev'] as const)('a guard on a real kernel’s lines through %s', (backend) => {
  it('shuts the gate at a press and at chatter, and comes back after a kill', async () => {
    box = await start(backend, true);
    await box.arm();
    const { fromMs, shutMs } = await press();
    console.log(`emulated, ${backend}: gate shut ${(shutMs - fromMs).toFixed(0)} ms after the level changed`);
    expect(shutMs - fromMs).toBeLessThanOrEqual(60 * SLOWER);
    await box.button(false);
    await box.arm();
    for (let i = 0; i < 200; i++) bank.drive(BUTTON, i % 2 === 0 ? 1 : 0);
    await box.until('the halt', async () => (await box.status()).state === 'HALTED');
    expect((await box.status()).halt).toMatchObject({ cause: 'button' });

    await box.arm();
    await box.guard.kill('SIGKILL');
    const killedMs = box.nowMs();
    await box.until('the lapse', () => !box.permit().ok);
    expect(box.nowMs() - killedMs).toBeLessThanOrEqual(500 * SLOWER);
    expect(await watchLed(2_500)).toHaveLength(1);
    await box.startGuard();
    await box.until('a permit again', () => box.permit().ok);
    // And a press during an outage trips on restart.
    await box.guard.kill('SIGKILL');
    bank.drive(BUTTON, 1);
    await box.startGuard();
    await box.until('the halt', async () => (await box.status()).state === 'HALTED');
    expect((await box.status()).halt).toMatchObject({ cause: 'button' });
  });
});

describe('faults on a real kernel’s lines', () => {
  it('a line that somebody else has exported keeps the box halted, and says so', async () => {
    box = await start('onoff', true);
    await box.arm();
    await box.guard.kill('SIGTERM');
    const number = String(sysfsBase() + BUTTON);
    writeFileSync('/sys/class/gpio/export', number);
    try {
      await box.startGuard();
      await box.until('word of it', async () => (await box.status()).lineFault !== null);
      const status = await box.status();
      expect(status.lineFault).toMatch(/exported already/);
      expect(status.state).toBe('HALTED');
    } finally {
      writeFileSync('/sys/class/gpio/unexport', number);
    }
  });

  // Last, since there is no bank left after it.
  it('a chip that goes away trips', async () => {
    box = await start('chardev', true);
    await box.arm();
    writeFileSync('/sys/kernel/config/gpio-sim/pi/live', '0');
    try {
      await box.until('the halt', async () => (await box.status()).state === 'HALTED');
      expect((await box.status()).halt).toMatchObject({ cause: 'button_line' });
      expect(box.permit().ok).toBe(false);
    } finally {
      await box.guard.kill();
      writeFileSync('/sys/kernel/config/gpio-sim/pi/live', '1');
    }
  });
});

/** The number that sysfs gives to line 0 of the bank. */
function sysfsBase(): number {
  const names = readdirSync('/sys/class/gpio').filter((name) => /^gpiochip\d+$/.test(name));
  return Math.max(...names.map((name) => Number(name.slice('gpiochip'.length))));
}
