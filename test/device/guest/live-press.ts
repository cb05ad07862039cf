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

const confirmed = async () => (await box.status()).halt?.confirmed === true;

describe('a box in mode live on a real kernel’s lines', () => {
  it('keeps the promises of the button', async () => {
    box = await start('onoff');
    await box.arm();
    const armed = await watchLed(4_500);
    // A wink every 2 s: lit shortly, dark long.
    expect(Math.max(...armed.filter(({ level }) => level === 0).map(({ ms }) => ms))).toBeGreaterThan(1_200);
    expect(armed.some(({ level }) => level === 1)).toBe(true);

    await box.placeOrders(10);
    const { fromMs, shutMs } = await press();
    await box.until('the cancels', () => box.resting().length === 0);
    const cancelledMs = box.nowMs() - fromMs;
    await box.until('the confirmation', confirmed);
    const confirmedMs = box.nowMs() - fromMs;
    const changes = (await watchLed(2_000)).length - 1;
    console.log(
      `emulated, onoff: gate shut ${(shutMs - fromMs).toFixed(0)} ms, cancelled ${cancelledMs.toFixed(0)} ms, ` +
        `confirmed ${confirmedMs.toFixed(0)} ms; LED changed ${changes} times in 2 s`,
    );
    expect(shutMs - fromMs).toBeLessThanOrEqual(60 * SLOWER);
    expect(cancelledMs).toBeLessThanOrEqual(1_500 * SLOWER);
    expect(confirmedMs).toBeLessThanOrEqual(4_000 * SLOWER);
    expect(changes).toBeGreaterThanOrEqual(8);

    // The same with a trader that is stopped: the guard cancels by itself.
    await box.button(false);
    await box.arm();
    await box.placeOrders(10);
    await box.trader.kill('SIGSTOP');
    const stopped = await press();
    await box.until('the guard’s cancels', () => box.resting().length === 0);
    const aloneMs = box.nowMs() - stopped.fromMs;
    console.log(`emulated: trader stopped, cancelled by the guard after ${aloneMs.toFixed(0)} ms`);
    expect(aloneMs).toBeLessThanOrEqual(3_000 * SLOWER);
  });
});
