// @module-tag processes

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMosquitto, mosquittoInstalled } from '../brokers/mosquitto.js';
import { type Phone, startPhone } from '../brokers/phone.js';
import { buildBox, type LiveBox, startLiveBox } from './live-box.js';
import {
  createdAfter,
  HOW,
  type LiveCase,
  type PressFigures,
  press,
  pressWhileExchangeIsDown,
  pressWithLateOrder,
  pressWithOrders,
  pressWithoutTrader,
} from './live-cases.js';

/** 100 for the full count; each takes about 4 s, most of it the wait that the two-answer rule asks for. */
const PRESSES = Number(process.env.REDBUTTON_PRESSES ?? 3);

let box: LiveBox;
let built: ReturnType<typeof buildBox>;
beforeAll(() => {
  built = buildBox();
}, 120_000);
afterAll(() => built?.remove());
const start = (more: Partial<Parameters<typeof startLiveBox>[0]> = {}) =>
  startLiveBox({ modelDir: built.modelDir, ...more });
afterEach(async () => {
  await box?.dispose();
}, 30_000);

const on = (phone?: Phone): LiveCase => ({
  box,
  move: (pressed) => box.button(pressed),
  slower: 1,
  ...(phone && { phone }),
});

describe('a press in mode live', () => {
  it(
    `with ten orders open and signals coming: gate shut, nothing leaves, all cancelled, confirmed (${PRESSES} times)`,
    async () => {
      box = await start();
      await box.arm();
      const figures: PressFigures[] = [];
      let traded = 0;
      for (let i = 0; i < PRESSES; i++) {
        await box.until('an order of the trader’s own', () => createdAfter(box, 0).length > traded);
        traded = createdAfter(box, 0).length;
        figures.push(await pressWithOrders(on()));
        await box.button(false);
        await box.arm();
      }
      const worst = (of: keyof PressFigures) => Math.max(...figures.map((each) => each[of])).toFixed(0);
      console.log(
        `${PRESSES} presses with 10 open orders (simulated line, live on loopback), ${traded} orders traded; worst: ` +
          `gate shut ${worst('shutMs')} ms, cancelled ${worst('cancelledMs')} ms, confirmed ${worst('confirmedMs')} ms`,
      );
      expect(traded).toBeGreaterThan(0);
    },
    180_000 + PRESSES * 12_000,
  );

  it.skipIf(!mosquittoInstalled()).each(HOW)(
    'while the trader is %s: the guard cancels by itself, the phone hears of it, and a restart stays halted',
    async (how) => {
      const broker = await createMosquitto();
      await broker.start();
      const phone = await startPhone(broker, ['redbutton/box/alert/#']);
      try {
        box = await start({ mqttUrl: broker.url });
        await box.arm();
        const { cancelledMs, confirmedMs } = await pressWithoutTrader(on(phone), how);
        console.log(
          `trader ${how}: cancelled after ${cancelledMs.toFixed(0)} ms, confirmed after ${confirmedMs.toFixed(0)} ms`,
        );
      } finally {
        await phone.stop();
        await broker.dispose();
      }
    },
    180_000,
  );

  it('finds an order that was on the wire and is accepted after the first empty answer', async () => {
    box = await start();
    await box.arm();
    const { confirmedMs } = await pressWithLateOrder(on());
    console.log(`late order: found and cancelled, confirmed after ${confirmedMs.toFixed(0)} ms`);
  }, 180_000);

  it('keeps trying while the exchange is down, says so, and confirms when it is back', async () => {
    box = await start();
    await box.arm();
    await pressWhileExchangeIsDown(on());
  }, 180_000);

  it('is refused a resume with the contact open', async () => {
    box = await start();
    await box.arm();
    await press(on());
    await box.until('the record', async () => (await box.status()).halt?.recorded === true);
    expect(await box.resume()).toMatchObject({ opened: false, reason: 'contact_open' });
  }, 180_000);
});
