import { createSystemClock } from '../adapters/clock/system-clock.js';
import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import type { ControlServer } from '../adapters/control-socket/control-server.js';
import type { Declined } from '../adapters/control-socket/declined.js';
import { keptName } from '../adapters/gpio/kept-line.js';
import { openGpio } from '../adapters/gpio/open-gpio.js';
import { SimulatedGpio } from '../adapters/gpio/simulated.js';
import { createTraderLinkServer } from '../adapters/guard-link/server.js';
import { openDescriptorStore } from '../adapters/systemd/descriptor-store.js';
import { createServiceManager, type ServiceManager } from '../adapters/systemd/notify.js';
import { pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { EXIT, messageOf } from '../core/errors.js';
import type { Gpio } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import { publishesAlerts } from './alert-messages.js';
import { AlertPublisher, type AlertPublisherOptions } from './alert-publisher.js';
import { ComposedGuard, type GuardParts, LOCK_STEP } from './compose.js';
import { type Canceller, connectCanceller } from './connect-canceller.js';
import { endAtExit, endGuard } from './end-guard.js';
import { type Guard, type GuardNotice, PERMIT_FILE_STEP } from './guard.js';
import { simulatedButtonOf } from './in-process.js';
import { PAPER_CANCELLER } from './paper-canceller.js';
import { linesOf, settingsOf } from './settings.js';
import type { StopStep } from './stop-steps.js';
import { TraderDoor } from './trader-door.js';
import { TraderWatch } from './trader-watch.js';

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

/** Longer than the publisher's own limit. */
const PUBLISHER_MS_MAX = 2_400;

/** The composition root of the guard's own process. Resolves when it has been stopped. */
export async function runGuardProcess(options: GuardProcessOptions): Promise<void> {
  const clock = createSystemClock();
  const bank = bankOf(options, `${pathsOf(options.config.device).permit}.lines`, clock);
  const emergency = await emergencyCancellerOf(options, clock);
  await new GuardProcess(options, clock, bank, emergency).run();
}

/** The guard with what speaks for it and what watches its trader, until the process ends. */
class GuardProcess {
  readonly #options: GuardProcessOptions;
  readonly #clock: Clock;
  readonly #scheduler = createSystemScheduler();
  readonly #emergency: Canceller | null;
  readonly #alerts: AlertPublisher | null;
  readonly #watch: TraderWatch;
  readonly #composed: ComposedGuard;
  #door: TraderDoor | null = null;

  constructor(options: GuardProcessOptions, clock: Clock, bank: LineBank, emergency: Canceller | null) {
    this.#options = options;
    this.#clock = clock;
    this.#emergency = emergency;
    this.#alerts = publishesAlerts(options.config) ? new AlertPublisher(this.#publisherOptions()) : null;
    this.#watch = new TraderWatch({
      clock,
      scheduler: this.#scheduler,
      present: () => this.#composed.guard.status().trader.present,
      notify: (kind, detail) => this.#notifyOfTrader(kind, detail),
    });
    this.#composed = new ComposedGuard(this.#guardParts(bank), (guard, declined) => [
      this.#traderServer(guard, declined),
    ]);
  }

  async run(): Promise<void> {
    const { env, signal, onLog } = this.#options;
    const { guard } = this.#composed;
    // However the process ends, a crash too, the last half second of permit is not left behind: stop() revokes before its
    // first await.
    const atExit = (code: number) => endAtExit(() => void guard.stop(), code);
    process.once('exit', atExit);
    const manager = createServiceManager(env, this.#scheduler, () => guard.alive());
    const aborted = whenAborted(signal);
    const starting = this.#start(manager);
    const steps = this.#stopSteps(manager);
    try {
      // A start that hangs, as on a disk, must not keep the guard from being stopped.
      await Promise.race([starting, aborted]);
      await aborted;
    } catch (error) {
      await endGuard(steps, this.#scheduler, EXIT.failed).catch((more: unknown) =>
        onLog('error', { detail: messageOf(more) }, 'the guard could not stop cleanly'),
      );
      throw error;
    }
    await endGuard(steps, this.#scheduler, EXIT.fine);
  }

  async #start(manager: ServiceManager): Promise<void> {
    const { signal } = this.#options;
    await this.#composed.start();
    if (signal.aborted) return;
    this.#alerts?.start();
    this.#watch.start();
    void this.#emergency?.preload(signal);
    manager.ready();
    this.#options.onReady();
  }

  /**
   * The phone's halt may come as long as the alert thread lives: until then the permit file takes it, and no other guard
   * may start.
   */
  #stopSteps(manager: ServiceManager): readonly StopStep[] {
    const { stopSteps } = this.#composed;
    const isLast = ({ name }: StopStep) => name === PERMIT_FILE_STEP || name === LOCK_STEP;
    return [
      ...stopSteps.filter((step) => !isLast(step)),
      { name: 'the watch over the trader', run: () => this.#watch.stop() },
      { name: 'the message to systemd', run: () => manager.stopping() },
      { name: 'the alert thread', limitMs: PUBLISHER_MS_MAX, run: () => this.#alerts?.stop() },
      ...stopSteps.filter(isLast),
    ];
  }

  #publisherOptions(): AlertPublisherOptions {
    const { config, env, version, onLog } = this.#options;
    return {
      ...{ config, env, version, onLog },
      scheduler: this.#scheduler,
      // A halt that fails is not acknowledged: the broker keeps the message for the next guard.
      onHalt: async (again) => {
        try {
          await this.#composed.guard.halt('command', 'the phone', again);
        } catch (error) {
          onLog('error', { detail: messageOf(error) }, 'a halt failed');
          throw error;
        }
      },
    };
  }

  #guardParts({ gpio, simulated }: LineBank): GuardParts {
    const { config, env } = this.#options;
    return {
      paths: pathsOf(config.device),
      secondRecord: config.guard.secondRecord ?? (env.REDBUTTON_SECOND_RECORD || null),
      settings: settingsOf(config.guard),
      lines: linesOf(config.gpio),
      gpio,
      clock: this.#clock,
      scheduler: this.#scheduler,
      canceller: this.#emergency ?? PAPER_CANCELLER,
      simulatedButton: simulated && simulatedButtonOf(simulated, config),
      killTrader: (pid) => this.#door!.kill(pid),
      onNotice: (notice) => this.#notify(notice),
      traderEnded: (why) => this.#watch.ended(why),
    };
  }

  #traderServer(guard: Guard, declined: Declined): ControlServer {
    const { device } = this.#options.config;
    const door = new TraderDoor(device.stateDir, declined);
    this.#door = door;
    return createTraderLinkServer(pathsOf(device).guardLinkSocket, door.acceptFor(guard));
  }

  #notifyOfTrader(kind: GuardNotice['kind'], detail: string): void {
    const { state, epoch } = this.#composed.guard.status();
    this.#notify({ kind, state, cause: '', detail, epoch, atMs: this.#clock.wallMs() });
  }

  #notify(notice: GuardNotice): void {
    this.#options.onNotice(notice);
    this.#alerts?.publish(notice);
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** null on paper, where there is nothing to be cancelled at an exchange. */
async function emergencyCancellerOf(
  { config, env, exchangeClock, onLog }: GuardProcessOptions,
  clock: Clock,
): Promise<Canceller | null> {
  if (config.mode === 'paper') return null;
  return connectCanceller(
    config,
    env,
    clock,
    exchangeClock ?? clock,
    (detail) => onLog('warn', { detail }, 'the guard’s own exchange connection is not ready'),
    (detail) => onLog('error', { detail }, 'the guard’s key may do more than it should'),
  );
}

interface LineBank {
  readonly gpio: Gpio;
  /** The same bank where it is a simulated one. */
  readonly simulated: SimulatedGpio | null;
}

/** The lines of this machine, or, as a simulated bank, lines in memory that the control socket drives. */
function bankOf({ config, env, onLog }: GuardProcessOptions, noteFile: string, clock: Clock): LineBank {
  const { backend, buttonLine, secondLine } = config.gpio;
  if (backend !== 'simulated') {
    const kept = [buttonLine, ...(secondLine === undefined ? [] : [secondLine])].map(keptName);
    const store = openDescriptorStore(env, kept, (detail) =>
      onLog('warn', { detail }, 'a press between two lives of the guard may be missed'),
    );
    return { gpio: openGpio({ ...config.gpio, backend }, noteFile, clock, store), simulated: null };
  }
  const simulated = new SimulatedGpio({ [buttonLine]: config.guard.contact === 'nc' ? 0 : 1 });
  return { gpio: simulated, simulated };
}
