import { messageOf } from '../core/errors.js';
import type { Gpio } from '../ports/gpio.js';
import type { Clock, Scheduler } from '../ports/time.js';
import { ButtonInput } from './button-input.js';
import { CancelOrders, type EmergencyCanceller } from './cancel-orders.js';
import { isFlattening } from './flattening.js';
import { buttonSettings, type GuardLines, type GuardSettings } from './guard-settings.js';
import {
  type Effect,
  type GuardEvent,
  type GuardState,
  mayPermit,
  type ResumeDenial,
  step,
} from './halt-state.js';
import type { LedMode } from './led.js';
import { LedDriver } from './led-driver.js';
import type { GuardNotice } from './notice.js';
import type { PermitFile } from './permit-file.js';
import { PermitRenewal } from './permit-renewal.js';
import { startRecordProbe } from './record-probe.js';
import { type RecordPlaces, RecordWriter } from './record-writer.js';
import { ResetInput } from './reset-input.js';
import { type FoundAtStart, haltedInAll, startFrom, startState } from './start-state.js';
import { describeDenial, type GuardStatus, ledModeOf, type ResumeAnswer, statusOf } from './status.js';
import { once, runStopSteps, type StopStep } from './stop-steps.js';
import {
  type TraderConnection,
  type TraderEnd,
  TraderSession,
  type TraderSessionEvents,
} from './trader-session.js';

export type { GuardNotice } from './notice.js';

export interface GuardDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly gpio: Gpio;
  readonly lines: GuardLines;
  readonly settings: GuardSettings;
  /** Where the armed record is kept. */
  readonly records: RecordPlaces;
  /** Opens the permit file; called once, at the start. */
  openPermit(): PermitFile;
  readonly canceller: EmergencyCanceller | null;
  /** Ends a hung trader; returns what was done, in words. */
  killTrader(pid: number): string;
  /** Must not throw. */
  onNotice(notice: GuardNotice): void;
}

/** The step that closes the permit file: until then a halt is remembered there, whatever the disk does. */
export const PERMIT_FILE_STEP = 'the permit file';

const ALIVE_MS_MAX = 500;
/** docs/design.md: the trader's death shows in 1 s. */
const TRADER_SILENCE_MS = 700;
/** A timer may come this much before its time. */
const TIMER_EARLY_MS = 2;
/** How long a halt may take to reach the disk once the guard is told to stop: one that hangs is not waited for. */
const RECORD_MS_MAX = 1_000;

/** The halt's only truth. One a box. */
export class Guard {
  /**
   * What stopping it consists of, the permit's revocation first, and before anything is waited for. What is recorded stays:
   * a guard that comes back continues.
   */
  readonly stopSteps: readonly StopStep[] = this.#stopSteps().map(once);
  readonly #deps: GuardDeps;
  readonly #session: TraderSession;
  readonly #cancels: CancelOrders;
  readonly #records: RecordWriter;
  readonly #permit: PermitRenewal;
  readonly #button: ButtonInput;
  readonly #reset: ResetInput;
  #led = new LedDriver(null, 'not open yet');
  #state: GuardState = startState(
    { armed: false, cause: 'recorded', detail: 'starting', atMs: 0, durable: true },
    0,
  );
  /** Those who wait until a halt is recorded, or known not to be. */
  readonly #waiting = new Set<() => void>();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #endProbes: () => void = () => {};
  #endTick: () => void = () => {};
  /** When the next tick is due; null while there are none. */
  #dueMs: number | null = null;
  #stopped = false;
  /** Whether it is known what the box is. */
  #decided = false;

  constructor(deps: GuardDeps) {
    const { clock, scheduler, gpio, lines, settings } = deps;
    const onFault = (detail: string) => this.#notify('fault', detail);
    this.#deps = deps;
    this.#records = new RecordWriter(deps.records, clock, scheduler, onFault);
    this.#permit = new PermitRenewal(settings, clock, onFault);
    this.#session = new TraderSession(TRADER_SILENCE_MS, () => clock.monotonicMs(), this.#sessionEvents());
    this.#cancels = new CancelOrders({
      clock,
      scheduler,
      session: this.#session,
      canceller: deps.canceller,
      killTrader: (pid) => deps.killTrader(pid),
      onOutcome: (epoch, outcome) => {
        this.#notify('cancel_attempt', outcome.detail);
        this.#dispatch({ type: 'cancel_outcome', epoch, outcome });
      },
      onKilled: (detail) => this.#notify('trader_killed', detail),
    });
    this.#button = new ButtonInput(gpio, buttonSettings(settings, lines), clock, {
      button: (event) => this.#dispatch({ type: event }),
      lost: (detail) => this.#dispatch({ type: 'line_lost', detail }),
      restored: () => this.#dispatch({ type: 'line_restored' }),
    });
    this.#reset = new ResetInput(gpio, lines.reset, clock, () => this.#dispatch({ type: 'reset_held' }));
  }

  async start(): Promise<void> {
    const { clock, scheduler } = this.#deps;
    const permit = this.#deps.openPermit();
    this.#permit.begin(permit);
    const found = { ...(await this.#records.read()), permit: permit.found };
    if (this.#stopped) return;
    this.#state = startFrom(found, clock.wallMs());
    this.#decided = true;
    this.#carryOut({ do: 'revoke' });
    if (this.#state.trading === 'HALTED' && !haltedInAll(found)) this.#recordHalted();
    this.#reportSecondRecord(found);
    await Promise.all([this.#openLed(), this.#reset.open()]);
    if (this.#stopped) return;
    await this.#button.open();
    if (this.#stopped) return;
    this.#tick();
    if (this.#state.trading === 'HALTED') this.#carryOut({ do: 'cancel' });
    this.#endProbes = startRecordProbe(this.#records, clock, scheduler, (fault) =>
      this.#dispatch({ type: 'probed', fault }),
    );
  }

  /** Runs the steps of the stop, whatever each does. */
  async stop(): Promise<void> {
    await runStopSteps(this.stopSteps, this.#deps.scheduler);
  }

  /**
   * Halts at once; resolves when the halt survives a power cut, or when it is known that it could not be recorded yet.
   * `again`: what asks for it may be what has asked before, as a message that is delivered twice.
   */
  async halt(cause: 'command' | 'trader', detail: string, again = false): Promise<GuardStatus> {
    this.#dispatch({ type: 'halt', cause, detail, again });
    const { halt } = this.#state;
    if (halt !== null && !halt.durable && halt.recordFault === null) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return this.status();
  }

  /** Opens the window in which a physical act arms the box. `by` names the person who asks. */
  resume(by: string): ResumeAnswer {
    const { lines, settings } = this.#deps;
    const refused = this.#dispatch({ type: 'resume', by });
    if (refused !== undefined)
      return { opened: false, reason: refused, detail: describeDenial(refused, this.#state.lineFault) };
    const reset = lines.reset === undefined ? '' : ', or hold the reset button for 3 s';
    const how = `press and release the red button, and once more 2 to 10 s later${reset}`;
    return { opened: true, windowMs: settings.resumeWindowMs, how };
  }

  /** Reports that somebody was declined who asked for more than is theirs. */
  declined(detail: string): void {
    this.#notify('declined', detail);
  }

  status(): GuardStatus {
    const { clock, gpio } = this.#deps;
    const faults = [
      this.#permit.fault,
      ...this.#records.faults(),
      this.#reset.fault && `the reset button cannot be read: ${this.#reset.fault}`,
      this.#led.fault && `the LED cannot be driven: ${this.#led.fault}`,
    ];
    return statusOf(this.#state, clock.monotonicMs(), this.#permit.fault, {
      trader: this.#session.status(),
      led: this.#ledMode(),
      faults: faults.filter((fault) => fault !== null),
      gpio: gpio.backend,
      pid: process.pid,
    });
  }

  /** Whether the button was looked at just now: what the watchdog is fed by. */
  alive(): boolean {
    return this.#deps.clock.monotonicMs() - this.#lookedMs < ALIVE_MS_MAX;
  }

  /** Takes a trader's connection. */
  attachTrader(connection: TraderConnection): TraderEnd {
    return this.#session.attach(connection);
  }

  // ── events and their effects ──────────────────────────────────────────────────────────────────────────────────

  #sessionEvents(): TraderSessionEvents {
    return {
      arrived: () => this.#dispatch({ type: 'trader_arrived' }),
      lost: () => this.#dispatch({ type: 'trader_lost' }),
      acknowledged: (epoch) => this.#cancels.acknowledged(epoch),
      canceled: (epoch, outcome) => this.#cancels.outcome(epoch, outcome),
      reconciled: (epoch) => this.#dispatch({ type: 'reconciled', epoch }),
      haltWanted: (detail) => this.#dispatch({ type: 'halt', cause: 'trader', detail }),
    };
  }

  #dispatch(event: GuardEvent): ResumeDenial | undefined {
    const { clock, settings } = this.#deps;
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    const rules = { resumeWindowMs: settings.resumeWindowMs, flatten: settings.flattenOnHalt };
    const next = step(this.#state, event, now, rules);
    this.#state = next.state;
    for (const effect of next.effects) this.#carryOut(effect);
    const { halt } = this.#state;
    if (halt === null || halt.durable || halt.recordFault !== null) this.#endWaiting();
    this.#planSooner();
    return next.refused;
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'revoke':
        this.#permit.revoke(this.#state.epoch, this.#state.trading === 'HALTED');
        return;
      case 'cancel':
        this.#cancel();
        return;
      case 'record_halted':
        this.#recordHalted();
        return;
      case 'record_armed':
        this.#recordArmed();
        return;
      case 'reconcile':
        this.#cancels.end();
        this.#session.send({ type: 'reconcile', epoch: this.#state.epoch });
        return;
      case 'renew':
        this.#renew();
        return;
      case 'notice':
        this.#notify(effect.kind, effect.detail);
        return;
    }
  }

  #cancel(): void {
    const { halt } = this.#state;
    if (halt !== null) this.#cancels.order({ epoch: halt.epoch, flatten: halt.flatten, cause: halt.cause });
  }

  #recordHalted(): void {
    const { halt } = this.#state;
    if (halt === null) return;
    this.#records.halted(
      { armed: false, epoch: this.#state.epoch, atMs: halt.atMs, cause: halt.cause },
      () => this.#state.halt?.epoch === halt.epoch && !this.#state.arming,
      (fault) =>
        this.#dispatch(
          fault === null
            ? { type: 'halt_recorded', epoch: halt.epoch }
            : { type: 'halt_record_failed', epoch: halt.epoch, detail: fault },
        ),
    );
  }

  #recordArmed(): void {
    const { epoch } = this.#state;
    this.#records.armed(
      { armed: true, epoch, atMs: this.#deps.clock.wallMs(), cause: 'armed at the button' },
      () => this.#state.arming && this.#state.epoch === epoch,
      (fault) =>
        this.#dispatch(
          fault === null
            ? { type: 'arm_recorded', epoch }
            : { type: 'arm_record_failed', epoch, detail: fault },
        ),
    );
  }

  #renew(): void {
    const state = this.#state;
    const trading = isFlattening(state, this.#deps.clock.monotonicMs()) ? 'FLATTENING' : state.trading;
    if (this.#stopped || trading === 'HALTED' || (trading !== 'FLATTENING' && !mayPermit(state))) return;
    this.#permit.renew(trading, state.epoch, this.#lookedMs);
  }

  #notify(kind: GuardNotice['kind'], detail: string): void {
    const { trading, epoch, halt } = this.#state;
    const atMs = this.#deps.clock.wallMs();
    this.#deps.onNotice({ kind, state: trading, cause: halt?.cause ?? '', detail, epoch, atMs });
  }

  #endWaiting(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  // ── ticks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The look at the button comes first: no permit is renewed on what was seen before a stall. */
  readonly #tick = (): void => {
    const { clock, settings } = this.#deps;
    this.#button.look();
    this.#lookedMs = clock.monotonicMs();
    // Whoever presses the red button meanwhile wants no arming.
    this.#reset.look(this.#state.window !== null && this.#state.contact === 'released');
    if (this.#state.window !== null || this.#state.halt?.flattenUntilMs != null)
      this.#dispatch({ type: 'tick' });
    const nowMs = clock.monotonicMs();
    this.#session.tick(nowMs);
    this.#cancels.tick(nowMs);
    if (this.#permit.leftMs(nowMs) <= TIMER_EARLY_MS) this.#renew();
    if (this.#state.trading === 'HALTED') this.#permit.keep();
    const ledLeftMs = this.#led.show(this.#ledMode(), nowMs);
    const resting = this.#button.settled() && this.#state.window === null;
    const leftMs = this.#permit.leftMs(nowMs);
    this.#planTick(
      resting ? Math.min(leftMs > 0 ? leftMs : settings.permitPeriodMs, ledLeftMs) : settings.pollMs,
    );
  };

  /**
   * Ticks each `pollMs` while anything is under way, and where nobody but us looks at the button. At rest threads look,
   * and we wake for what is due: the permit, the LED. So a guard at rest costs next to nothing, and each renewal still
   * begins with a look of our own.
   */
  #planTick(waitMs: number): void {
    if (this.#stopped) return;
    this.#endTick();
    this.#dueMs = this.#deps.clock.monotonicMs() + waitMs;
    this.#endTick = this.#deps.scheduler.after(waitMs, this.#tick);
  }

  /** Something has happened: the LED must show it, and there may be something to count. */
  #planSooner(): void {
    const { clock, settings } = this.#deps;
    if (this.#dueMs !== null && this.#dueMs - clock.monotonicMs() > settings.pollMs)
      this.#planTick(settings.pollMs);
  }

  #ledMode(): LedMode {
    const state = this.#state;
    return ledModeOf(state, mayPermit(state), this.#session.status(), this.#permit.fault);
  }

  // ── start and stop ────────────────────────────────────────────────────────────────────────────────────────────

  #reportSecondRecord({ first, second }: FoundAtStart): void {
    // A new box has neither, and writes both.
    const isNew = first.kind === 'missing' && second?.kind === 'missing';
    if (second === null || second.kind === 'record' || isNew) return;
    const why = second.kind === 'missing' ? 'has not been written yet, or is gone' : second.detail;
    this.#notify('fault', `the second record cannot be read: ${why}; the next halt or arming writes it`);
  }

  async #openLed(): Promise<void> {
    try {
      this.#led = new LedDriver(await this.#deps.gpio.output(this.#deps.lines.led), null);
    } catch (error) {
      this.#led = new LedDriver(null, messageOf(error));
      this.#notify('fault', `the LED cannot be driven: ${messageOf(error)}`);
    }
  }

  #stopSteps(): readonly StopStep[] {
    return [
      {
        name: 'the renewal',
        run: () => {
          this.#stopped = true;
          this.#endTick();
          this.#endProbes();
        },
      },
      {
        name: 'the permit',
        run: () => {
          const { epoch, trading } = this.#state;
          // A start that failed before it was known what the box is leaves the permit saying what it found.
          if (this.#decided) this.#permit.revokeOrFail(epoch + 1, trading === 'HALTED');
        },
      },
      { name: 'the cancels', run: () => this.#cancels.end() },
      { name: 'the trader’s connection', run: () => this.#session.close() },
      { name: 'the button', run: () => this.#button.close() },
      { name: 'the reset button', run: () => this.#reset.close() },
      { name: 'the LED', run: () => this.#led.close() },
      { name: 'the record of the armed state', limitMs: RECORD_MS_MAX, run: () => this.#records.stop() },
      { name: PERMIT_FILE_STEP, run: () => this.#permit.close() },
      { name: 'those who wait for a halt', run: () => this.#endWaiting() },
    ];
  }
}
