import { messageOf } from '../core/errors.js';
import type { Gpio, InputLine, OutputLine } from '../ports/gpio.js';
import type { Clock, Scheduler } from '../ports/time.js';
import { ButtonInput } from './button-input.js';
import { CancelOrders, type EmergencyCanceller } from './cancel-orders.js';
import { isFlattening } from './flattening.js';
import { buttonSettings, type GuardLines, type GuardSettings } from './guard-settings.js';
import { type Effect, type GuardEvent, type GuardState, mayPermit, step } from './halt-state.js';
import { createLedDriver, type LedDriver } from './led-driver.js';
import type { GuardNotice } from './notice.js';
import type { PermitFile } from './permit-file.js';
import { startRecordProbe } from './record-probe.js';
import { type RecordPlaces, RecordWriter } from './record-writer.js';
import { createResetButton } from './reset-button.js';
import { haltedInAll, startFrom, startState } from './start-state.js';
import { describeRefusal, type GuardStatus, ledModeOf, type ResumeAnswer, statusOf } from './status.js';
import { once, runStopSteps, type StopStep } from './stop-steps.js';
import { type TraderConnection, type TraderEnd, TraderSession } from './trader-session.js';

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

/** The halt's only truth. One a box. */
export interface Guard {
  start(): Promise<void>;
  /**
   * What stopping it consists of, the permit's revocation first, and before anything is waited for. What is recorded stays:
   * a guard that comes back goes on.
   */
  readonly stopSteps: readonly StopStep[];
  /** Runs these steps, whatever each does. */
  stop(): Promise<void>;
  /**
   * Halts at once; resolves when the halt survives a power cut, or when it is known that it could not be recorded yet.
   * `again`: what asks for it may be what has asked before, as a message that is delivered twice.
   */
  halt(cause: 'command' | 'trader', detail: string, again?: boolean): Promise<GuardStatus>;
  /** Opens the window in which a physical act arms the box. `by` names the person who asks. */
  resume(by: string): ResumeAnswer;
  /** Reports that somebody was declined who asked for more than is theirs. */
  declined(detail: string): void;
  status(): GuardStatus;
  /** Whether the button was looked at just now: what the watchdog is fed by. */
  alive(): boolean;
  /** Takes a trader's connection. */
  attachTrader(connection: TraderConnection): TraderEnd;
}

/** The step that closes the permit file: until then a halt is remembered there, whatever the disk does. */
export const PERMIT_FILE_STEP = 'the permit file';

const RESET_HOLD_MS = 3_000;
const ALIVE_MS_MAX = 500;
/** DESIGN.md: the trader's death shows in 1 s. */
const TRADER_SILENCE_MS = 700;
/** A timer may come this much before its time. */
const TIMER_EARLY_MS = 2;
/** How long a halt may take to reach the disk once the guard is told to stop: one that hangs is not waited for. */
const RECORD_MS_MAX = 1_000;
export function createGuard(deps: GuardDeps): Guard {
  const { clock, settings } = deps;
  const rules = { resumeWindowMs: settings.resumeWindowMs, flatten: settings.flattenOnHalt };
  const waiting = new Set<() => void>();
  const records = new RecordWriter(deps.records, clock, deps.scheduler, (detail) => tell('fault', detail));
  const reset = createResetButton(RESET_HOLD_MS);
  let state: GuardState = startState(
    { armed: false, cause: 'recorded', detail: 'starting', atMs: 0, durable: true },
    0,
  );
  let permit: PermitFile | null = null;
  let led: LedDriver = createLedDriver(null, 'not open yet');
  let resetLine: InputLine | null = null;
  let resetFault: string | null = null;
  let permitFault: string | null = null;
  let renewedMs = Number.NEGATIVE_INFINITY;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let endProbes: () => void = () => {};
  let endTick: () => void = () => {};
  /** When the next tick is due; null while there are none. */
  let dueMs: number | null = null;
  let stopped = false;
  let decided = false;

  const tell = (kind: GuardNotice['kind'], detail: string) => {
    const { trading, epoch, halt } = state;
    deps.onNotice({ kind, state: trading, cause: halt?.cause ?? '', detail, epoch, atMs: clock.wallMs() });
  };

  const session = new TraderSession(TRADER_SILENCE_MS, () => clock.monotonicMs(), {
    arrived: () => dispatch({ type: 'trader_arrived' }),
    lost: () => dispatch({ type: 'trader_lost' }),
    acknowledged: (epoch) => duty.acknowledged(epoch),
    canceled: (epoch, outcome) => duty.outcome(epoch, outcome),
    reconciled: (epoch) => dispatch({ type: 'reconciled', epoch }),
    haltWanted: (detail) => dispatch({ type: 'halt', cause: 'trader', detail }),
  });
  const duty = new CancelOrders({
    clock,
    scheduler: deps.scheduler,
    session,
    canceller: deps.canceller,
    killTrader: (pid) => deps.killTrader(pid),
    onOutcome(epoch, outcome) {
      tell('cancel_attempt', outcome.detail);
      dispatch({ type: 'cancel_outcome', epoch, outcome });
    },
    onKilled: (detail) => tell('trader_killed', detail),
  });
  const button = new ButtonInput(deps.gpio, buttonSettings(settings, deps.lines), clock, {
    button: (event) => dispatch({ type: event }),
    lost: (detail) => dispatch({ type: 'line_lost', detail }),
    restored: () => dispatch({ type: 'line_restored' }),
  });

  /** Carries a permit operation out; a fault of the file is told once and shown, and the permit lapses by itself. */
  const onPermit = (operation: () => void) => {
    try {
      operation();
      permitFault = null;
    } catch (error) {
      const first = permitFault === null;
      permitFault = messageOf(error);
      if (first) tell('fault', permitFault);
    }
  };
  const renew = () => {
    const nowMs = clock.monotonicMs();
    const trading = isFlattening(state, nowMs) ? 'FLATTENING' : state.trading;
    if (stopped || trading === 'HALTED' || (trading !== 'FLATTENING' && !mayPermit(state))) return;
    renewedMs = nowMs;
    const { epoch } = state;
    // A permit lives from the last look at the button, and not from now: after a stall nothing is given on what was seen before.
    const expiresMs = lookedMs + settings.permitLifeMs;
    if (expiresMs <= nowMs) return;
    onPermit(() => permit?.renew(trading, epoch, expiresMs));
  };
  const recordHalted = () => {
    const { halt, epoch } = state;
    if (halt === null) return;
    records.halted(
      { armed: false, epoch, atMs: halt.atMs, cause: halt.cause },
      () => state.halt?.epoch === halt.epoch && !state.arming,
      (fault) =>
        dispatch(
          fault === null
            ? { type: 'halt_recorded', epoch: halt.epoch }
            : { type: 'halt_record_failed', epoch: halt.epoch, detail: fault },
        ),
    );
  };
  const recordArmed = () => {
    const { epoch } = state;
    records.armed(
      { armed: true, epoch, atMs: clock.wallMs(), cause: 'armed at the button' },
      () => state.arming && state.epoch === epoch,
      (error) =>
        dispatch(
          error === null
            ? { type: 'arm_recorded', epoch }
            : { type: 'arm_record_failed', epoch, detail: error },
        ),
    );
  };
  const carryOut = (effect: Effect) => {
    switch (effect.do) {
      case 'revoke':
        onPermit(() => permit?.revoke(state.epoch, state.trading === 'HALTED'));
        return;
      case 'cancel': {
        const { halt } = state;
        if (halt !== null) duty.order({ epoch: halt.epoch, flatten: halt.flatten, cause: halt.cause });
        return;
      }
      case 'record_halted':
        recordHalted();
        return;
      case 'record_armed':
        recordArmed();
        return;
      case 'reconcile':
        duty.end();
        session.send({ type: 'reconcile', epoch: state.epoch });
        return;
      case 'renew':
        renew();
        return;
      case 'notice':
        tell(effect.kind, effect.detail);
        return;
    }
  };
  const dispatch = (event: GuardEvent) => {
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    const next = step(state, event, now, rules);
    state = next.state;
    for (const effect of next.effects) carryOut(effect);
    if (state.halt === null || state.halt.durable || state.halt.recordFault !== null) {
      for (const resolve of waiting) resolve();
      waiting.clear();
    }
    planSooner();
    return next.refused;
  };

  const lookAtReset = () => {
    if (resetLine === null) return;
    try {
      const level = resetLine.read();
      // Whoever presses the red button meanwhile wants no arming: the hold begins again, from a release.
      if (state.window === null || state.contact !== 'released') reset.reset();
      else if (reset.sample(level, clock.monotonicMs())) dispatch({ type: 'reset_held' });
      resetFault = null;
    } catch (error) {
      // The reset button can only arm; one that cannot be read just arms nothing.
      resetFault = messageOf(error);
      reset.reset();
    }
  };
  const ledMode = () => ledModeOf(state, mayPermit(state), session.status(), permitFault);
  /** The look at the button comes first: no permit is renewed on what was seen before a stall. */
  const tick = () => {
    button.look();
    lookedMs = clock.monotonicMs();
    lookAtReset();
    if (state.window !== null || state.halt?.flattenUntilMs != null) dispatch({ type: 'tick' });
    const nowMs = clock.monotonicMs();
    session.tick(nowMs);
    duty.tick(nowMs);
    if (renewLeftMs(nowMs) <= TIMER_EARLY_MS) renew();
    if (state.trading === 'HALTED') onPermit(() => permit?.keep());
    const ledLeftMs = led.show(ledMode(), nowMs);
    const resting = button.settled() && state.window === null;
    const leftMs = renewLeftMs(nowMs);
    planTick(resting ? Math.min(leftMs > 0 ? leftMs : settings.permitPeriodMs, ledLeftMs) : settings.pollMs);
  };
  const renewLeftMs = (nowMs: number) => renewedMs + settings.permitPeriodMs - nowMs;
  /**
   * Ticks each `pollMs` while anything is under way, and where nobody but us looks at the button. At rest threads look,
   * and we wake for what is due: the permit, the LED. So a guard at rest costs next to nothing, and each renewal still
   * begins with a look of our own.
   */
  const planTick = (waitMs: number) => {
    if (stopped) return;
    endTick();
    dueMs = clock.monotonicMs() + waitMs;
    endTick = deps.scheduler.after(waitMs, tick);
  };
  /** Something has happened: the LED must show it, and there may be something to count. */
  const planSooner = () => {
    if (dueMs !== null && dueMs - clock.monotonicMs() > settings.pollMs) planTick(settings.pollMs);
  };

  const openLed = async () => {
    let line: OutputLine;
    try {
      line = await deps.gpio.output(deps.lines.led);
    } catch (error) {
      led = createLedDriver(null, messageOf(error));
      tell('fault', `the LED cannot be driven: ${messageOf(error)}`);
      return;
    }
    led = createLedDriver(line, null);
  };
  const openReset = async () => {
    if (deps.lines.reset === undefined) return;
    try {
      resetLine = await deps.gpio.input(deps.lines.reset);
    } catch (error) {
      resetFault = messageOf(error);
    }
  };

  const status = (): GuardStatus => {
    const faults = [
      permitFault,
      ...records.faults(),
      resetFault && `the reset button cannot be read: ${resetFault}`,
      led.fault() && `the LED cannot be driven: ${led.fault()}`,
    ];
    return statusOf(state, clock.monotonicMs(), permitFault, {
      trader: session.status(),
      led: ledMode(),
      faults: faults.filter((fault) => fault !== null),
      gpio: deps.gpio.backend,
      pid: process.pid,
    });
  };

  const stopSteps: readonly StopStep[] = [
    {
      name: 'the renewal',
      run() {
        stopped = true;
        endTick();
        endProbes();
      },
    },
    {
      name: 'the permit',
      run() {
        // A start that failed before it was known what the box is leaves the permit saying what it found.
        if (decided) permit?.revoke(state.epoch + 1, state.trading === 'HALTED');
      },
    },
    { name: 'the cancels', run: () => duty.end() },
    { name: 'the trader’s connection', run: () => session.close() },
    { name: 'the button', run: () => button.close() },
    { name: 'the reset button', run: () => resetLine?.close() },
    { name: 'the LED', run: () => led.close() },
    { name: 'the record of the armed state', limitMs: RECORD_MS_MAX, run: () => records.stop() },
    {
      name: PERMIT_FILE_STEP,
      run() {
        const opened = permit;
        permit = null;
        opened?.close();
      },
    },
    {
      name: 'those who wait for a halt',
      run() {
        for (const resolve of waiting) resolve();
        waiting.clear();
      },
    },
  ].map(once);

  return {
    async start() {
      const opened = deps.openPermit();
      permit = opened;
      const found = { ...(await records.read()), permit: opened.found };
      if (stopped) return;
      state = startFrom(found, clock.wallMs());
      decided = true;
      carryOut({ do: 'revoke' });
      if (state.trading === 'HALTED' && !haltedInAll(found)) recordHalted();
      const { first, second } = found;
      // A new box has neither, and writes both.
      const isNew = first.kind === 'missing' && second?.kind === 'missing';
      if (second !== null && second.kind !== 'record' && !isNew) {
        const why = second.kind === 'missing' ? 'has not been written yet, or is gone' : second.detail;
        tell('fault', `the second record cannot be read: ${why}; the next halt or arming writes it`);
      }
      await Promise.all([openLed(), openReset()]);
      if (stopped) return;
      await button.open();
      if (stopped) return;
      tick();
      if (state.trading === 'HALTED') carryOut({ do: 'cancel' });
      endProbes = startRecordProbe(records, clock, deps.scheduler, (fault) =>
        dispatch({ type: 'probed', fault }),
      );
    },
    stopSteps,
    async stop() {
      await runStopSteps(stopSteps, deps.scheduler);
    },
    async halt(cause, detail, again = false) {
      dispatch({ type: 'halt', cause, detail, again });
      if (state.halt !== null && !state.halt.durable && state.halt.recordFault === null) {
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
      return status();
    },
    resume(by) {
      const refused = dispatch({ type: 'resume', by });
      if (refused !== undefined)
        return { opened: false, reason: refused, detail: describeRefusal(refused, state.lineFault) };
      const reset = deps.lines.reset === undefined ? '' : ', or hold the reset button for 3 s';
      const how = `press and release the red button, and once more 2 to 10 s later${reset}`;
      return { opened: true, windowMs: settings.resumeWindowMs, how };
    },
    declined: (detail) => tell('declined', detail),
    status,
    alive: () => clock.monotonicMs() - lookedMs < ALIVE_MS_MAX,
    attachTrader: (connection) => session.attach(connection),
  };
}
