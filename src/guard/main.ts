import { createSystemClock } from '../adapters/clock/system-clock.js';
import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import { keptName } from '../adapters/gpio/kept-line.js';
import { openGpio } from '../adapters/gpio/open-gpio.js';
import { createSimulatedGpio, type SimulatedGpio } from '../adapters/gpio/simulated.js';
import { createTraderLinkServer } from '../adapters/guard-link/server.js';
import { openDescriptorStore } from '../adapters/systemd/descriptor-store.js';
import { createServiceManager } from '../adapters/systemd/notify.js';
import { pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { EXIT, messageOf } from '../core/errors.js';
import type { Gpio } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import { speaks } from './alert-messages.js';
import { createAlertSpeaker } from './alert-publisher.js';
import { composeGuard, LOCK_STEP } from './compose.js';
import { connectCanceller } from './connect-canceller.js';
import { endAtExit, endGuard } from './end-guard.js';
import { type GuardNotice, PERMIT_FILE_STEP } from './guard.js';
import { simulatedButtonOf } from './in-process.js';
import { PAPER_CANCELLER } from './paper-canceller.js';
import { linesOf, settingsOf } from './settings.js';
import type { StopStep } from './stop-steps.js';
import { createTraderDoor, type TraderDoor } from './trader-door.js';
import { createTraderWatch } from './trader-watch.js';

export interface GuardProcessOptions {
  readonly config: Pick<
    Config,
    'mode' | 'device' | 'exchange' | 'guard' | 'gpio' | 'mqtt' | 'alerts' | 'ntfy'
  >;
  /** The exchange's time, where it is another than this machine's (a simulator's). */
  readonly exchangeClock?: Clock;
  /** Where user and password of the broker come from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  onNotice(notice: GuardNotice): void;
  /** Told what the guard's alert thread has to say. */
  onLog(level: 'info' | 'warn' | 'error', fields: object, message: string): void;
  /** Called once the guard runs. */
  onReady(): void;
  /** Its abort stops the guard. */
  readonly signal: AbortSignal;
}

/** Longer than the speaker's own limit. */
const SPEAKER_MS_MAX = 2_400;

/** The composition root of the guard's own process. Resolves when it has been stopped. */
export async function runGuardProcess(options: GuardProcessOptions): Promise<void> {
  const { config, signal } = options;
  const clock = createSystemClock();
  const scheduler = createSystemScheduler();
  const paths = pathsOf(config.device);
  const { gpio, simulated } = bankOf(options, `${paths.permit}.lines`, clock);

  const speaker = speaks(config)
    ? createAlertSpeaker({
        config,
        env: options.env,
        version: options.version,
        scheduler,
        // A halt that fails is not acknowledged: the broker keeps the message for the next guard.
        onHalt: async (again) => {
          try {
            await guard.halt('command', 'the phone', again);
          } catch (error) {
            options.onLog('error', { detail: messageOf(error) }, 'a halt failed');
            throw error;
          }
        },
        onLog: options.onLog,
      })
    : null;
  const notLoaded = (detail: string) =>
    options.onLog('warn', { detail }, 'the guard’s own exchange connection is not ready');
  const emergency =
    config.mode === 'paper'
      ? null
      : await connectCanceller(config, options.env, clock, options.exchangeClock ?? clock, notLoaded);
  const watch = createTraderWatch({
    clock,
    scheduler,
    present: () => guard.status().trader.present,
    notify: (kind, detail) => {
      const { state, epoch } = guard.status();
      const notice: GuardNotice = { kind, state, cause: '', detail, epoch, atMs: clock.wallMs() };
      options.onNotice(notice);
      speaker?.say(notice);
    },
  });
  let door: TraderDoor | null = null;
  const { guard, start, stopSteps } = composeGuard(
    {
      paths,
      secondRecord: config.guard.secondRecord ?? (options.env.REDBUTTON_SECOND_RECORD || null),
      settings: settingsOf(config.guard),
      lines: linesOf(config.gpio),
      gpio,
      clock,
      scheduler,
      canceller: emergency ?? PAPER_CANCELLER,
      simulatedButton: simulated && simulatedButtonOf(simulated, config),
      killTrader: (pid) => door!.kill(pid),
      onNotice(notice) {
        options.onNotice(notice);
        speaker?.say(notice);
      },
      traderEnded: (why) => watch.ended(why),
    },
    (built, declined) => {
      door = createTraderDoor(config.device.stateDir, declined);
      return [createTraderLinkServer(paths.guardLinkSocket, door.acceptFor(built))];
    },
  );
  // However the process ends, a crash too, the last half second of permit is not left behind: stop() revokes before its
  // first await.
  const atExit = (code: number) => endAtExit(() => void guard.stop(), code);
  process.once('exit', atExit);
  const manager = createServiceManager(options.env, scheduler, () => guard.alive());
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const starting = start().then(() => {
    if (signal.aborted) return;
    speaker?.start();
    watch.start();
    void emergency?.preload(signal);
    manager.ready();
    options.onReady();
  });
  // The phone's halt may come as long as the alert thread lives: until then the permit file takes it, and no other guard may start.
  const isLast = ({ name }: StopStep) => name === PERMIT_FILE_STEP || name === LOCK_STEP;
  const steps = [
    ...stopSteps.filter((step) => !isLast(step)),
    { name: 'the watch over the trader', run: () => watch.stop() },
    { name: 'the word to systemd', run: () => manager.stopping() },
    { name: 'the alert thread', limitMs: SPEAKER_MS_MAX, run: () => speaker?.stop() },
    ...stopSteps.filter(isLast),
  ];
  try {
    // A start that hangs, as on a disk, must not keep the guard from being stopped.
    await Promise.race([starting, aborted]);
    await aborted;
  } catch (error) {
    await endGuard(steps, scheduler, EXIT.failed).catch((more: unknown) =>
      options.onLog('error', { detail: messageOf(more) }, 'the guard could not stop cleanly'),
    );
    throw error;
  }
  await endGuard(steps, scheduler, EXIT.fine);
}

/** The lines of this machine, or, as a simulated bank, lines in memory that the control socket drives. */
function bankOf(
  { config, env, onLog }: GuardProcessOptions,
  noteFile: string,
  clock: Clock,
): { readonly gpio: Gpio; readonly simulated: SimulatedGpio | null } {
  const { backend, buttonLine, secondLine } = config.gpio;
  if (backend !== 'simulated') {
    const kept = [buttonLine, ...(secondLine === undefined ? [] : [secondLine])].map(keptName);
    const store = openDescriptorStore(env, kept, (detail) =>
      onLog('warn', { detail }, 'a press between two lives of the guard may be missed'),
    );
    return { gpio: openGpio({ ...config.gpio, backend }, noteFile, clock, store), simulated: null };
  }
  const simulated = createSimulatedGpio({ [buttonLine]: config.guard.contact === 'nc' ? 0 : 1 });
  return { gpio: simulated, simulated };
}
