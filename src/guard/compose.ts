import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isAnswered } from '../adapters/control-socket/bind-socket.js';
import { type ControlServer, createControlServer } from '../adapters/control-socket/control-server.js';
import { createDeclined, type Declined } from '../adapters/control-socket/declined.js';
import { holdLock } from '../adapters/lock/lock-file.js';
import type { Paths } from '../config/paths.js';
import { fault, messageOf } from '../core/errors.js';
import type { Gpio } from '../ports/gpio.js';
import type { Clock, Scheduler } from '../ports/time.js';
import { createArmedRecordFile } from './armed-record.js';
import type { EmergencyCanceller } from './cancel-orders.js';
import { guardRoutes, type SimulatedButton } from './control.js';
import { Guard, type GuardNotice } from './guard.js';
import type { GuardLines, GuardSettings } from './guard-settings.js';
import { keepSockets } from './keep-sockets.js';
import { PermitFile } from './permit-file.js';
import { createRecordBlock } from './record-block.js';
import type { RecordPlaces } from './record-writer.js';
import { whyNotApart } from './second-place.js';
import { once, runStopSteps, type StopStep } from './stop-steps.js';

/** What both the guard's own process and the guard in the trader's process are made of. */
export interface GuardParts {
  readonly paths: Pick<Paths, 'armedRecord' | 'permit' | 'guardSocket' | 'guardLinkSocket'>;
  /** The record's second place; null or left out where there is none. */
  readonly secondRecord?: string | null;
  readonly settings: GuardSettings;
  readonly lines: GuardLines;
  readonly gpio: Gpio;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly canceller: EmergencyCanceller | null;
  readonly simulatedButton: SimulatedButton | null;
  killTrader(pid: number): string;
  onNotice(notice: GuardNotice): void;
  /** Told why a trader ended. */
  traderEnded?(why: string): void;
}

/** The last step of all: from there another guard may start. */
export const LOCK_STEP = 'the lock';

/**
 * A guard over its files and sockets; nothing is touched before `start`. There the lock is taken first: it is what keeps a
 * second guard from touching the permit and the lines of the first. `moreServers` are started last.
 */
export class ComposedGuard {
  readonly guard: Guard;
  /** What `stop` does, in its order: the permit is revoked first. */
  readonly stopSteps: readonly StopStep[];
  readonly #parts: GuardParts;
  readonly #control: ControlServer;
  readonly #servers: readonly ControlServer[];
  #started = false;
  #stopping = false;
  #unlock: () => void = () => {};
  #endKeeping: () => void = () => {};

  constructor(
    parts: GuardParts,
    moreServers: (guard: Guard, declined: Declined) => readonly ControlServer[] = () => [],
  ) {
    const { paths, simulatedButton, traderEnded } = parts;
    this.#parts = parts;
    this.guard = guardOf(parts);
    const declined = createDeclined(parts.clock, (detail) => this.guard.declined(detail));
    const routes = guardRoutes(() => this.#startedGuard(), simulatedButton, declined, traderEnded);
    this.#control = createControlServer(paths.guardSocket, 'guard', routes);
    this.#servers = moreServers(this.guard, declined);
    this.stopSteps = this.#steps();
  }

  async start(): Promise<void> {
    const { guardSocket, permit } = this.#parts.paths;
    makeFolders([permit, guardSocket]);
    this.#unlock = holdLock(`${guardSocket}.lock`, 'guard');
    try {
      await this.#startLocked();
    } catch (error) {
      await this.#runSteps();
      throw error;
    }
  }

  /** Runs every step, whatever the others do; then fails with `E_GUARD_STOP` where one failed. */
  async stop(): Promise<void> {
    const faults = await this.#runSteps();
    if (faults.length > 0)
      throw fault(
        'E_GUARD_STOP',
        `the guard has ended, but could not stop cleanly: ${faults.join('; ')}`,
        'look at the place named',
      );
  }

  async #startLocked(): Promise<void> {
    const { guardSocket, guardLinkSocket } = this.#parts.paths;
    // The lock's file can be removed under a guard that lives; that one still answers.
    for (const socket of [guardSocket, guardLinkSocket]) await refuseSecond(socket);
    this.#goOn();
    await this.#control.start();
    this.#goOn();
    await this.guard.start();
    this.#goOn();
    this.#started = true;
    for (const server of this.#servers) await server.start();
    this.#goOn();
    this.#keepSockets();
  }

  /** Told to stop in the middle of a start: what was let go must not be taken up again. */
  #goOn(): void {
    if (this.#stopping)
      throw fault('E_GUARD_STOP', 'the guard was stopped while it started', 'start it again');
  }

  #startedGuard(): Guard {
    if (!this.#started)
      throw fault('E_GUARD_STARTING', 'the guard is still starting', 'try again in a moment');
    return this.guard;
  }

  #keepSockets(): void {
    const { paths, scheduler } = this.#parts;
    const kept = [{ path: paths.guardSocket, server: this.#control }];
    const [link] = this.#servers;
    if (link !== undefined) kept.push({ path: paths.guardLinkSocket, server: link });
    this.#endKeeping = keepSockets(kept, scheduler);
  }

  #steps(): readonly StopStep[] {
    const noStart: StopStep = {
      name: 'the start',
      run: () => {
        this.#stopping = true;
        this.#endKeeping();
      },
    };
    const lastFirst = [...this.#servers].reverse();
    const undone: readonly StopStep[] = [
      ...this.guard.stopSteps,
      ...lastFirst.map((server) => ({ name: 'the trader’s socket', run: () => server.stop() })),
      { name: 'the control socket', run: () => this.#control.stop() },
      { name: LOCK_STEP, run: () => this.#unlock() },
    ];
    return [noStart, ...undone.map(once)];
  }

  #runSteps(): Promise<readonly string[]> {
    return runStopSteps(this.stopSteps, this.#parts.scheduler);
  }
}

function guardOf(parts: GuardParts): Guard {
  const { paths, clock, scheduler, gpio, lines, settings, canceller } = parts;
  return new Guard({
    ...{ clock, scheduler, gpio, lines, settings, canceller },
    records: {
      first: createArmedRecordFile(paths.armedRecord),
      ...secondPlace(paths.armedRecord, parts.secondRecord),
    },
    openPermit: () => new PermitFile(paths.permit),
    killTrader: (pid) => parts.killTrader(pid),
    onNotice: (notice) => parts.onNotice(notice),
  });
}

function secondPlace(
  first: string,
  path: string | null | undefined,
): Pick<RecordPlaces, 'second' | 'misplaced'> {
  if (!path) return { second: null };
  return { second: createRecordBlock(path), misplaced: () => whyNotApart(first, path) };
}

function makeFolders(files: readonly string[]): void {
  for (const dir of files.map((file) => dirname(file))) {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw fault(
        'E_RUN_DIR',
        `cannot make the run directory ${dir}: ${messageOf(error)}`,
        'see that device.runDir is a directory that the guard may write to',
        error,
      );
    }
  }
}

async function refuseSecond(socket: string): Promise<void> {
  if (await isAnswered(socket)) {
    throw fault('E_SOCKET_TAKEN', `another guard answers at ${socket}`, 'stop it first, or use it');
  }
}
