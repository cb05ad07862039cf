import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMosquitto, type Mosquitto } from '../../brokers/mosquitto.js';
import { type Phone, startPhone } from '../../brokers/phone.js';
import { type LiveBox, startLiveBox } from '../../guard/live-box.js';
import {
  createdAfter,
  HOW,
  type LiveCase,
  press,
  pressWhileExchangeIsDown,
  pressWithLateOrder,
  pressWithOrders,
  pressWithoutTrader,
} from '../../guard/live-cases.js';
import { jumpClock, sleepToMemory, standStill } from './clocks.js';
import { watchLed } from './seen-led.js';
import { simulatedBank, unexport } from './simulated-bank.js';

/** What is left out of a short run: each of these takes about 40 s under emulation, twice that on a slow machine. */
const long = process.env.REDBUTTON_DEVICE_TEST !== 'short';
const BUTTON = 5;
const LED = 17;
const bank = simulatedBank();
const took = (figures: object) =>
  Object.entries(figures)
    .map(([name, ms]) => `${name.replace(/Ms$/, '')} ${ms.toFixed(0)} ms`)
    .join(', ');

/** One box for all, since guard, trader and exchange take long to come up under emulation. */
let box: LiveBox;
let broker: Mosquitto;
let phone: Phone;
let on: LiveCase;
beforeAll(async () => {
  bank.drive(BUTTON, 0);
  unexport(BUTTON, LED);
  broker = await createMosquitto();
  await broker.start();
  phone = await startPhone(broker, ['redbutton/box/alert/#']);
  const move = (pressed: boolean) => bank.drive(BUTTON, pressed ? 1 : 0);
  box = await startLiveBox({
    modelDir: '/opt/redbutton/models/sp500-daily',
    lines: { backend: 'onoff', move },
    mqttUrl: broker.url,
  });
  // Under emulation the limits count three times.
  on = { box, move, slower: 3, phone };
}, 900_000);
afterAll(async () => {
  await box?.dispose();
  await phone?.stop();
  await broker?.dispose();
});

/** Armed, with a trader; whatever the case before left. */
async function ready(): Promise<void> {
  if (!(await box.status()).trader.present) await box.startTrader();
  await box.button(false);
  await box.arm();
}

describe('a box in mode live on a real kernel’s lines', () => {
  it('winks while it is armed, and at a press with ten orders open keeps the promises of the button', async () => {
    await ready();
    const armed = await watchLed(bank, LED, 4_500);
    // A wink every 2 s: lit shortly, dark long.
    expect(Math.max(...armed.filter(({ level }) => level === 0).map(({ ms }) => ms))).toBeGreaterThan(1_200);
    expect(armed.some(({ level }) => level === 1)).toBe(true);
    const figures = await pressWithOrders(on);
    const changes = (await watchLed(bank, LED, 2_000)).length - 1;
    console.log(`emulated, onoff, ten orders: ${took(figures)}; LED changed ${changes} times in 2 s`);
    expect(changes).toBeGreaterThanOrEqual(8);
  });

  it.each(HOW.filter((how) => long || how === 'stopped'))(
    'while the trader is %s: the guard cancels by itself, and a restart stays halted',
    async (how) => {
      await ready();
      console.log(`emulated, onoff, trader ${how}: ${took(await pressWithoutTrader(on, how))}`);
    },
  );

  it('finds an order that was on the wire', async () => {
    await ready();
    console.log(`emulated, onoff, late order: ${took(await pressWithLateOrder(on))}`);
  });

  it('lets nothing out after a press, whatever clocks do and however often it is suspended around it', async () => {
    const rounds = long ? 5 : 1;
    const counted = { jumps: 0, suspends: 0, late: 0 };
    const jump = (seconds: number) => {
      jumpClock(seconds);
      counted.jumps++;
    };
    const suspend = async (how: () => Promise<void>) => {
      await how();
      counted.suspends++;
    };
    for (let round = 0; round < rounds; round++) {
      await ready();
      jump(round % 2 === 0 ? 1 : -1);
      jump(round % 2 === 0 ? -3_600 : 3_600);
      await suspend(sleepToMemory);
      await box.until('a permit to enter', () => {
        const reading = box.permit();
        return reading.ok && reading.state === 'ACTIVE';
      });
      const { shutAtMs } = await press(on);
      jump(round % 2 === 0 ? 3_600 : -3_600);
      await suspend(round % 2 === 0 ? standStill : sleepToMemory);
      jump(round % 2 === 0 ? -1 : 1);
      // Signals keep coming: at least two bars pass.
      await delay(2_500);
      expect((await box.status()).state).toBe('HALTED');
      counted.late += createdAfter(box, shutAtMs + 20 * 3).length;
    }
    console.log(
      `emulated, onoff: clock jumps: ${counted.jumps}, suspends: ${counted.suspends}, orders after the press: ${counted.late}`,
    );
    expect(counted).toEqual({ jumps: 4 * rounds, suspends: 2 * rounds, late: 0 });
  });

  it.runIf(long)('keeps trying while the exchange is down', async () => {
    await ready();
    await pressWhileExchangeIsDown(on);
  });
});
