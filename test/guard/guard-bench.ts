import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedGpio } from '../../src/adapters/gpio/simulated.js';
import { createRequestRunner } from '../../src/adapters/guard-link/requests.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import type { CancelOrder, CancelOutcome, TraderMessage } from '../../src/core/guard-link.js';
import type { ArmedReading, ArmedRecord, ArmedRecordFile } from '../../src/guard/armed-record.js';
import type { EmergencyCanceller } from '../../src/guard/cancel-orders.js';
import { Guard, type GuardNotice } from '../../src/guard/guard.js';
import { PermitFile, type PermitFound } from '../../src/guard/permit-file.js';
import { PRESS_GAP_MS_MIN } from '../../src/guard/resume-window.js';
import type { Gpio } from '../../src/ports/gpio.js';
import type { GuardRequests, Permit } from '../../src/ports/guard.js';
import { settle } from '../support/virtual-clock.js';
import { createGuardTime, type GuardTime } from './guard-time.js';

export const BUTTON = 5;
export const LED = 17;
export const RESET = 6;
export const SECOND = 13;

/** A record in memory whose disk can be slow or broken. */
export interface MemoryRecord extends ArmedRecordFile {
  content: ArmedReading;
  readonly written: ArmedRecord[];
  /** Set: writes wait for it. */
  hold: Promise<void> | null;
  failing: string | null;
  probes: number;
}

function createMemoryRecord(content: ArmedReading): MemoryRecord {
  const file: MemoryRecord = {
    content,
    written: [],
    hold: null,
    failing: null,
    probes: 0,
    read: async () => file.content,
    async probe() {
      file.probes += 1;
      if (file.hold !== null) await file.hold;
      if (file.failing !== null) throw new Error(file.failing);
    },
    async write(record) {
      if (file.hold !== null) await file.hold;
      if (file.failing !== null) throw new Error(file.failing);
      file.written.push(record);
      file.content = { kind: 'record', record };
    },
  };
  return file;
}

export interface Bench {
  readonly guard: Guard;
  readonly gpio: SimulatedGpio;
  readonly time: GuardTime;
  readonly record: MemoryRecord;
  /** The record's second place. */
  readonly second: MemoryRecord;
  readonly permit: Permit;
  readonly notices: GuardNotice[];
  readonly killed: number[];
  /** The level of the button's line at each renewal of the permit. */
  readonly renewedAt: (0 | 1)[];
  /** How often the button's line has been read by the guard itself. */
  reads(): number;
  press(): void;
  release(): void;
  /** resume, and the whole act of arming at the red button. */
  arm(): Promise<void>;
  /** One press and its release, with the debounce. */
  pressOnce(): Promise<void>;
  /** Both presses of the act of arming. */
  pressTwice(): Promise<void>;
  /** What a guard started now, after SIGKILL to this one or after its stop, would find in the permit file. */
  crash(): PermitFound;
  restart(): Promise<PermitFound>;
  dispose(): Promise<void>;
}

export const ARMED: ArmedReading = {
  kind: 'record',
  record: { armed: true, epoch: 40, atMs: 1, cause: 'armed at the button' },
};

export interface BenchOptions {
  readonly record?: ArmedReading;
  /** What the second place holds; left out there is none. */
  readonly secondRecord?: ArmedReading;
  /** Why the second place is none. */
  readonly misplaced?: string;
  readonly contact?: 'nc' | 'no';
  readonly reset?: boolean;
  /** A second contact, normally open, which `press` and `release` leave alone. */
  readonly second?: boolean;
  /** What the guard before left in the permit file, and whether the box was halted there. */
  readonly epochBefore?: number;
  readonly haltedBefore?: boolean;
  readonly flatten?: boolean;
  readonly canceller?: EmergencyCanceller | null;
  /** The bank has a thread that looks at its inputs, as a kernel's has; or one that has died without a word. */
  readonly thread?: 'alive' | 'dead';
  /** Before the guard looks at the lines. */
  readonly prepare?: (gpio: SimulatedGpio) => void;
}

/** A bank that counts the reads of whoever holds its lines, and whose inputs a thread may look at beside that. */
function watchedBank(
  bank: SimulatedGpio,
  time: GuardTime,
  thread: 'alive' | 'dead' | undefined,
  onRead: (number: number) => void,
): Gpio {
  return {
    backend: bank.backend,
    output: (number) => bank.output(number),
    async input(number, kept) {
      const line = await bank.input(number, kept);
      let end = () => {};
      const read = () => {
        onRead(number);
        return line.read();
      };
      if (thread === undefined) return { ...line, read };
      return {
        ...line,
        read,
        lookEvery(periodMs, callback) {
          if (thread === 'dead') return;
          let last: 0 | 1 | null = null;
          end = time.scheduler.every(periodMs, () => {
            try {
              const level = line.read();
              if (level === last) return;
              last = level;
              callback(null, level);
            } catch (error) {
              end();
              callback(error as Error, 0);
            }
          });
        },
        close() {
          end();
          line.close();
        },
      };
    },
  };
}

/** Tells of each renewal before it is written. */
class WatchedPermit extends PermitFile {
  readonly #onRenewal: () => void;

  constructor(path: string, onRenewal: () => void) {
    super(path);
    this.#onRenewal = onRenewal;
  }

  override renew(...args: Parameters<PermitFile['renew']>): void {
    this.#onRenewal();
    super.renew(...args);
  }
}

/** A guard over simulated lines, standing time and a true permit file; started. */
export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'redbutton-guard-'));
  const contact = options.contact ?? 'nc';
  const pressed = contact === 'nc' ? 1 : 0;
  const gpio = new SimulatedGpio({ [BUTTON]: contact === 'nc' ? 0 : 1, [RESET]: 1, [SECOND]: 1 });
  options.prepare?.(gpio);
  const time = createGuardTime();
  const record = createMemoryRecord(options.record ?? { kind: 'missing' });
  const second = createMemoryRecord(options.secondRecord ?? { kind: 'missing' });
  if (options.epochBefore !== undefined) {
    const before = new PermitFile(join(dir, 'permit'));
    if (options.haltedBefore) before.revoke(options.epochBefore, true);
    else before.renew('ACTIVE', options.epochBefore, time.clock.monotonicMs() + 500);
    before.close();
  }
  let reads = 0;
  const renewedAt: (0 | 1)[] = [];
  const notices: GuardNotice[] = [];
  const killed: number[] = [];
  const guard = new Guard({
    clock: time.clock,
    scheduler: time.scheduler,
    gpio: watchedBank(gpio, time, options.thread, (number) => {
      if (number === BUTTON) reads += 1;
    }),
    lines: {
      button: BUTTON,
      second: options.second ? SECOND : undefined,
      led: LED,
      reset: options.reset ? RESET : undefined,
    },
    settings: {
      permitPeriodMs: 100,
      permitLifeMs: 500,
      pollMs: 10,
      releaseDebounceMs: 50,
      resumeWindowMs: 120_000,
      contact,
      secondContact: 'no',
      flattenOnHalt: options.flatten ?? false,
    },
    records: {
      first: record,
      second: options.secondRecord === undefined ? null : second,
      misplaced: async () => options.misplaced ?? null,
    },
    openPermit() {
      return new WatchedPermit(join(dir, 'permit'), () => renewedAt.push(gpio.level(BUTTON)));
    },
    canceller: options.canceller ?? null,
    killTrader(pid) {
      killed.push(pid);
      return `process ${pid} was killed`;
    },
    onNotice: (notice) => notices.push(notice),
  });
  await guard.start();
  const found = () => {
    const next = new PermitFile(join(dir, 'permit'));
    next.close();
    return next.found;
  };
  const press = () => gpio.setLevel(BUTTON, pressed);
  const release = () => gpio.setLevel(BUTTON, pressed === 1 ? 0 : 1);
  const pressOnce = async () => {
    press();
    await time.advance(100);
    release();
    await time.advance(100);
  };
  const pressTwice = async () => {
    await pressOnce();
    await time.advance(PRESS_GAP_MS_MIN);
    await pressOnce();
  };
  return {
    guard,
    gpio,
    time,
    record,
    second,
    permit: createPermitReader(join(dir, 'permit'), time.clock),
    notices,
    killed,
    renewedAt,
    reads: () => reads,
    press,
    release,
    async arm() {
      await time.advance(60);
      const answer = guard.resume('anna');
      if (!answer.opened) throw new Error(answer.detail);
      await pressTwice();
    },
    pressOnce,
    pressTwice,
    crash: found,
    async restart() {
      await guard.stop();
      return found();
    },
    async dispose() {
      await guard.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A trader at the bench's guard: answers at once, unless told to keep silent. */
export interface BenchTrader {
  readonly orders: CancelOrder[];
  reconciled: number;
  outcome: CancelOutcome;
  /** Stops answering and beating, as under SIGSTOP. */
  silent: boolean;
  /** Whether its end of the line was closed by the guard. */
  closed: boolean;
  say(message: TraderMessage): void;
  disconnect(): void;
}

export async function attachTrader(bench: Bench, pid = 4242): Promise<BenchTrader> {
  const { time, guard } = bench;
  const requests: GuardRequests = {
    async cancelAll(order) {
      trader.orders.push(order);
      return trader.outcome;
    },
    async reconcile() {
      trader.reconciled += 1;
    },
  };
  const say = (message: TraderMessage) => {
    if (!trader.silent) end.receive(message);
  };
  const trader: BenchTrader = {
    orders: [],
    reconciled: 0,
    outcome: { confirmed: true, openOrders: 0, detail: 'two empty answers' },
    silent: false,
    closed: false,
    say,
    disconnect: () => {
      endBeats();
      end.closed();
    },
  };
  const runner = createRequestRunner(requests, time.clock, say);
  const end = guard.attachTrader({
    beats: true,
    pid,
    send: (message) => {
      if (!trader.silent) runner.receive(message);
    },
    close: () => {
      trader.closed = true;
    },
  });
  const endBeats = time.scheduler.every(200, () => say({ type: 'beat' }));
  say({ type: 'hello', pid });
  await settle();
  return trader;
}
