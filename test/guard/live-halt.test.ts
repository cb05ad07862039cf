import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildBox, type LiveBox, startLiveBox } from './live-box.js';

/** recvWindow + 2 s. */
const CONFIRM_MS_MAX = 4_000;
const GATE_MS_MAX = 60;
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

/** Presses, and notes when the permit was gone. */
async function press(): Promise<{ fromMs: number; shutMs: number }> {
  const fromMs = box.nowMs();
  const pressing = box.button(true);
  while (box.permit().ok) await new Promise<void>((resolve) => setImmediate(resolve));
  const shutMs = box.nowMs();
  await pressing;
  return { fromMs, shutMs };
}

/** Orders that reached the exchange after this time, other than by the test's own hand. */
const createdAfter = (atMs: number) =>
  box.arrivals.filter(
    (call) =>
      call.method === 'POST' &&
      call.path === '/api/v3/order' &&
      call.atMs > atMs &&
      !call.clientOrderId?.startsWith('rb-box-test'),
  );
const confirmed = async () => (await box.status()).halt?.confirmed === true;

describe('a press in mode live', () => {
  it(
    `with ten orders open and signals coming: gate shut, nothing leaves, all cancelled, confirmed (${PRESSES} times)`,
    async () => {
      box = await start();
      await box.arm();
      const shut: number[] = [];
      const cancelled: number[] = [];
      const confirm: number[] = [];
      let traded = 0;
      for (let i = 0; i < PRESSES; i++) {
        await box.placeOrders(10);
        await box.until('an order of the trader’s own', () => createdAfter(0).length > traded);
        traded = createdAfter(0).length;
        expect(box.resting().length).toBeGreaterThanOrEqual(10);
        const { fromMs, shutMs } = await press();
        await box.until('the cancels', () => box.resting().length === 0);
        cancelled.push(box.nowMs() - fromMs);
        await box.until('the confirmation', confirmed);
        confirm.push(box.nowMs() - fromMs);
        shut.push(shutMs - fromMs);
        // One that was on the wire as the permit went counts as on the wire; 20 ms is what a request takes here.
        expect(createdAfter(shutMs + 20)).toEqual([]);
        expect(box.resting()).toEqual([]);
        await box.button(false);
        await box.arm();
      }
      const worst = (values: readonly number[]) => Math.max(...values).toFixed(0);
      console.log(
        `${PRESSES} presses with 10 open orders (simulated line, live on loopback), ${traded} orders traded; worst: ` +
          `gate shut ${worst(shut)} ms, cancelled ${worst(cancelled)} ms, confirmed ${worst(confirm)} ms`,
      );
      expect(traded).toBeGreaterThan(0);
      expect(Math.max(...shut)).toBeLessThanOrEqual(GATE_MS_MAX);
      expect(Math.max(...cancelled)).toBeLessThanOrEqual(1_500);
      expect(Math.max(...confirm)).toBeLessThanOrEqual(CONFIRM_MS_MAX);
    },
    60_000 + PRESSES * 12_000,
  );

  it.each(['stopped', 'spinning', 'killed', 'restarting'] as const)(
    'while the trader is %s: the guard cancels by itself, and a restart stays halted',
    async (how) => {
      box = await start();
      await box.arm();
      await box.placeOrders(10);
      if (how === 'stopped') await box.trader.kill('SIGSTOP');
      if (how === 'spinning') await box.trader.kill('SIGUSR2');
      if (how === 'killed' || how === 'restarting') await box.trader.kill('SIGKILL');
      const restart = how === 'restarting' ? box.startTrader() : Promise.resolve();
      const { fromMs } = await press();
      await box.until('the cancels', () => box.resting().length === 0);
      const cancelledMs = box.nowMs() - fromMs;
      await box.until('the confirmation', confirmed);
      const confirmedMs = box.nowMs() - fromMs;
      console.log(
        `trader ${how}: cancelled after ${cancelledMs.toFixed(0)} ms, confirmed after ${confirmedMs.toFixed(0)} ms`,
      );
      expect(cancelledMs).toBeLessThanOrEqual(3_000);
      expect((await box.status()).led).toBe('halted_confirmed');
      await restart;
      if (how !== 'restarting') {
        await box.trader.kill();
        await box.startTrader();
      }
      expect(await box.status()).toMatchObject({ state: 'HALTED', trader: { present: true } });
      expect(box.permit()).toMatchObject({ ok: false });
      expect(createdAfter(fromMs + 100)).toEqual([]);
    },
    60_000,
  );

  it('finds an order that was on the wire and is accepted after the first empty answer', async () => {
    box = await start();
    await box.arm();
    await box.trader.kill();
    let asked = 0;
    box.intercept(({ method, path }) => {
      if (method === 'GET' && path === '/api/v3/openOrders') asked++;
      return undefined;
    });
    const { fromMs } = await press();
    await box.until('the first empty answers', () => asked >= 2);
    setTimeout(() => void box.placeOrders(1), 1_000);
    await box.until('the late order', () => box.resting().length === 1);
    await box.until('its cancel', () => box.resting().length === 0);
    expect((await box.status()).halt?.confirmed).not.toBe(true);
    await box.until('the confirmation', confirmed);
    console.log(`late order: found and cancelled, confirmed after ${(box.nowMs() - fromMs).toFixed(0)} ms`);
    expect(box.guard.output()).toContain('halt_not_confirmed');
  }, 60_000);

  it('keeps trying while the exchange is down, says so, and confirms when it is back', async () => {
    box = await start();
    await box.arm();
    await box.placeOrders(10);
    box.intercept(({ path }) => (path.startsWith('/api/v3/time') ? undefined : { kind: 'drop' }));
    await press();
    await box.until('word of it', async () => (await box.status()).halt?.confirmed === false);
    expect(box.guard.output()).toContain('halt_not_confirmed');
    expect((await box.status()).led).toBe('halted_unconfirmed');
    await box.until('more tries', () => box.guard.output().split('cancel_attempt').length > 3);
    box.intercept(undefined);
    await box.until('the confirmation', confirmed);
    expect(box.resting()).toEqual([]);
  }, 60_000);

  it('is refused a resume with the contact open', async () => {
    box = await start();
    await box.arm();
    await press();
    await box.until('the record', async () => (await box.status()).halt?.recorded === true);
    expect(await box.resume()).toMatchObject({ opened: false, reason: 'contact_open' });
  }, 60_000);

  it('closes the positions where it is to flatten, and holds nothing after', async () => {
    box = await start({ onHalt: 'flatten' });
    await box.arm();
    const held = () => Number(box.simulator.ledger().accounts[0]!.balances.BTC?.free ?? 0);
    await box.until('a position', () => held() > 0.0001, 40_000);
    await press();
    await box.until('the confirmation', confirmed);
    console.log(`flattened: ${held()} BTC held, ${(await box.status()).halt?.confirmation}`);
    expect(held()).toBeLessThan(0.00002);
    expect(box.permit()).toEqual({ ok: false, reason: 'revoked' });
    expect((await box.status()).state).toBe('HALTED');
  }, 90_000);
});
