import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Phone } from '../brokers/phone.js';
import type { LiveBox } from './live-box.js';

/**
 * What must hold of a press in mode live, once for a box on simulated lines and once for one on a kernel's. Each case
 * starts from an armed box with a trader, and returns its figures in milliseconds from the change of the level.
 */
export interface LiveCase {
  readonly box: LiveBox;
  /** Moves the contact, without waiting for anybody. */
  move(pressed: boolean): void | Promise<void>;
  /** How many times longer things may take: 1 on the host, 3 under emulation. */
  readonly slower: number;
  /** Who hears the alerts; without one they are looked for in what the guard prints. */
  readonly phone?: Phone;
}

export interface PressFigures {
  readonly shutMs: number;
  readonly cancelledMs: number;
  readonly confirmedMs: number;
}

const GATE_MS_MAX = 60;
const CANCEL_MS_MAX = 1_500;
const ALONE_MS_MAX = 3_000;
/** recvWindow + 2 s. */
const CONFIRM_MS_MAX = 4_000;

export const HOW = ['stopped', 'spinning', 'killed', 'restarting'] as const;
export type How = (typeof HOW)[number];

/** Presses, and notes when the permit was gone. */
export async function press({ box, move }: LiveCase): Promise<{ fromMs: number; shutAtMs: number }> {
  const fromMs = box.nowMs();
  const pressing = move(true);
  while (box.permit().ok) await new Promise<void>((resolve) => setImmediate(resolve));
  const shutAtMs = box.nowMs();
  await pressing;
  return { fromMs, shutAtMs };
}

/** Orders that reached the exchange after this time, other than by the test's own hand. */
export function createdAfter(box: LiveBox, atMs: number) {
  return box.arrivals.filter(
    (call) =>
      call.method === 'POST' &&
      call.path === '/api/v3/order' &&
      call.atMs > atMs &&
      !call.clientOrderId?.startsWith('rb-box-test'),
  );
}

export async function isConfirmed(box: LiveBox): Promise<boolean> {
  return (await box.status()).halt?.confirmed === true;
}

/** What the guard told since `from` (a length of its output), by kind. */
function reportedSince(box: LiveBox, from: number): Set<string> {
  const lines = box.guard.output().slice(from).split('\n');
  return new Set(lines.flatMap((line) => /^\{"kind":"(\w+)"/.exec(line)?.[1] ?? []));
}

/** Ten orders rest and signals keep coming: gate shut, all cancelled, confirmed, and nothing leaves after the gate. */
export async function pressWithOrders(on: LiveCase): Promise<PressFigures> {
  const { box, slower } = on;
  await box.placeOrders(10);
  expect(box.resting().length).toBeGreaterThanOrEqual(10);
  const { fromMs, shutAtMs } = await press(on);
  await box.until('the cancels', () => box.resting().length === 0);
  const cancelledMs = box.nowMs() - fromMs;
  await box.until('the confirmation', () => isConfirmed(box));
  const confirmedMs = box.nowMs() - fromMs;
  // One that was on the wire as the permit went counts as on the wire; 20 ms is what a request takes here.
  expect(createdAfter(box, shutAtMs + 20 * slower)).toEqual([]);
  expect(box.resting()).toEqual([]);
  expect(shutAtMs - fromMs).toBeLessThanOrEqual(GATE_MS_MAX * slower);
  expect(cancelledMs).toBeLessThanOrEqual(CANCEL_MS_MAX * slower);
  expect(confirmedMs).toBeLessThanOrEqual(CONFIRM_MS_MAX * slower);
  return { shutMs: shutAtMs - fromMs, cancelledMs, confirmedMs };
}

/** The trader cannot do its duty: the guard cancels by itself, LED and alerts tell so, and a restart stays halted. */
export async function pressWithoutTrader(on: LiveCase, how: How): Promise<PressFigures> {
  const { box, slower, phone } = on;
  await box.placeOrders(10);
  const saidBefore = box.guard.output().length;
  const heardBefore = phone?.received.length ?? 0;
  if (how === 'stopped') await box.trader.kill('SIGSTOP');
  if (how === 'spinning') await box.trader.kill('SIGUSR2');
  if (how === 'killed' || how === 'restarting') await box.trader.kill('SIGKILL');
  const restart = how === 'restarting' ? box.startTrader() : Promise.resolve();
  const { fromMs, shutAtMs } = await press(on);
  await box.until('the cancels', () => box.resting().length === 0);
  const cancelledMs = box.nowMs() - fromMs;
  await box.until('the confirmation', () => isConfirmed(box));
  const confirmedMs = box.nowMs() - fromMs;
  expect(cancelledMs).toBeLessThanOrEqual(ALONE_MS_MAX * slower);
  expect((await box.status()).led).toBe('halted_confirmed');
  const ended = how === 'stopped' || how === 'spinning';
  const told = reportedSince(box, saidBefore);
  for (const kind of ['halted', 'halt_confirmed', ...(ended ? ['trader_killed'] : [])])
    expect(told).toContain(kind);
  if (phone !== undefined) {
    for (const code of ['HALTED', 'HALT_CONFIRMED', ...(ended ? ['TRADER_DEAD'] : [])]) {
      await box.until(`${code} at the phone`, () =>
        phone.received.slice(heardBefore).some(({ payload }) => payload.includes(`"code":"${code}"`)),
      );
    }
  }
  await restart;
  if (how !== 'restarting') {
    await box.trader.kill();
    await box.startTrader();
  }
  expect(await box.status()).toMatchObject({ state: 'HALTED', trader: { present: true } });
  expect(box.permit()).toMatchObject({ ok: false });
  expect(createdAfter(box, fromMs + 100 * slower)).toEqual([]);
  return { shutMs: shutAtMs - fromMs, cancelledMs, confirmedMs };
}

/** An order on the wire is accepted 1 s after the first empty answer: found and cancelled before anything is confirmed. */
export async function pressWithLateOrder(on: LiveCase): Promise<{ readonly confirmedMs: number }> {
  const { box } = on;
  await box.trader.kill();
  const saidBefore = box.guard.output().length;
  let asked = 0;
  box.intercept(({ method, path }) => {
    if (method === 'GET' && path === '/api/v3/openOrders') asked++;
    return undefined;
  });
  const { fromMs } = await press(on);
  await box.until('the first empty answers', () => asked >= 2);
  const placing = delay(1_000).then(() => box.placeOrders(1));
  await box.until('the late order', () => box.resting().length === 1);
  await box.until('its cancel', () => box.resting().length === 0);
  expect((await box.status()).halt?.confirmed).not.toBe(true);
  await box.until('the confirmation', () => isConfirmed(box));
  await placing;
  box.intercept(undefined);
  expect(reportedSince(box, saidBefore)).toContain('halt_not_confirmed');
  return { confirmedMs: box.nowMs() - fromMs };
}

/** The exchange is down: tried again and again, told as not confirmed, and confirmed when it is back. */
export async function pressWhileExchangeIsDown(on: LiveCase): Promise<void> {
  const { box } = on;
  await box.placeOrders(10);
  const saidBefore = box.guard.output().length;
  box.intercept(({ path }) => (path.startsWith('/api/v3/time') ? undefined : { kind: 'drop' }));
  await press(on);
  await box.until('word of it', async () => (await box.status()).halt?.confirmed === false);
  expect(reportedSince(box, saidBefore)).toContain('halt_not_confirmed');
  expect((await box.status()).led).toBe('halted_unconfirmed');
  await box.until(
    'more tries',
    () => box.guard.output().slice(saidBefore).split('cancel_attempt').length > 3,
  );
  box.intercept(undefined);
  await box.until('the confirmation', () => isConfirmed(box));
  expect(box.resting()).toEqual([]);
}
