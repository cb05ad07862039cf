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

export interface ComposedGuard {
  readonly guard: Guard;
  start(): Promise<void>;
  /** What `stop` does, in its order: the permit is revoked first. */
  readonly stopSteps: readonly StopStep[];
  /** Runs every step, whatever the others do; then fails with `E_GUARD_STOP` where one failed. */
  stop(): Promise<void>;
}

/**
 * Puts a guard together over its files and sockets; nothing is touched before `start`. There the lock is taken first: it is
 * what keeps a second guard from touching the permit and the lines of the first. `moreServers` are started last.
 */
export function composeGuard(
  parts: GuardParts,
  moreServers: (guard: Guard, declined: Declined) => readonly ControlServer[] = () => [],
): ComposedGuard {
  const { paths } = parts;
  const guard = new Guard({
    clock: parts.clock,
    scheduler: parts.scheduler,
    gpio: parts.gpio,
    lines: parts.lines,
    settings: parts.settings,
    records: {
      first: createArmedRecordFile(paths.armedRecord),
      ...secondPlace(paths.armedRecord, parts.secondRecord),
    },
    openPermit: () => new PermitFile(paths.permit),
    canceller: parts.canceller,
    killTrader: (pid) => parts.killTrader(pid),
    onNotice: (notice) => parts.onNotice(notice),
  });
  let started = false;
  let stopping = false;
  let unlock: () => void = () => {};
  let endKeeping: () => void = () => {};
  const whenStarted = (): Guard => {
    if (!started) throw fault('E_GUARD_STARTING', 'the guard is still starting', 'try again in a moment');
    return guard;
  };
  const declined = createDeclined(parts.clock, (detail) => guard.declined(detail));
  const control = createControlServer(
    paths.guardSocket,
    'guard',
    guardRoutes(whenStarted, parts.simulatedButton, declined, parts.traderEnded),
  );
  const servers = moreServers(guard, declined);
  const stopSteps: readonly StopStep[] = [
    ...guard.stopSteps,
    ...[...servers].reverse().map((server) => ({ name: 'the trader’s socket', run: () => server.stop() })),
    { name: 'the control socket', run: () => control.stop() },
    { name: LOCK_STEP, run: () => unlock() },
  ].map(once);
  const noStart: StopStep = {
    name: 'the start',
    run() {
      stopping = true;
      endKeeping();
    },
  };
  const runSteps = () => runStopSteps([noStart, ...stopSteps], parts.scheduler);
  /** Told to stop in the middle of a start: what was let go must not be taken up again. */
  const goOn = () => {
    if (stopping)
      throw fault('E_GUARD_STOP', 'the guard was told to stop while it started', 'start it again');
  };
  return {
    guard,
    stopSteps: [noStart, ...stopSteps],
    async start() {
      makeFolders([paths.permit, paths.guardSocket]);
      unlock = holdLock(`${paths.guardSocket}.lock`, 'guard');
      try {
        // The lock's file can be removed under a guard that lives; that one still answers.
        for (const socket of [paths.guardSocket, paths.guardLinkSocket]) await refuseSecond(socket);
        goOn();
        await control.start();
        goOn();
        await guard.start();
        goOn();
        started = true;
        for (const server of servers) await server.start();
        goOn();
        const [link] = servers;
        endKeeping = keepSockets(
          [
            { path: paths.guardSocket, server: control },
            ...(link === undefined ? [] : [{ path: paths.guardLinkSocket, server: link }]),
          ],
          parts.scheduler,
        );
      } catch (error) {
        await runSteps();
        throw error;
      }
    },
    async stop() {
      const faults = await runSteps();
      if (faults.length > 0)
        throw fault(
          'E_GUARD_STOP',
          `the guard has ended, but could not stop cleanly: ${faults.join('; ')}`,
          'look at the place named',
        );
    },
  };
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
