import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ControlServer } from '../adapters/control-socket/control-server.js';
import { holdLock } from '../adapters/lock/lock-file.js';
import type { Paths } from '../config/paths.js';
import { fault } from '../core/errors.js';
import type { Clock, Gpio, Scheduler } from '../ports.js';
import { createArmedRecordFile } from './armed-record.js';
import type { EmergencyCanceller } from './cancel-duty.js';
import { createGuardControl, type SimulatedButton } from './control.js';
import { createGuard, type Guard, type GuardNotice } from './guard.js';
import type { GuardLines, GuardSettings } from './guard-settings.js';
import { openPermitFile } from './permit-file.js';

/** What both the guard's own process and the guard in the trader's process are made of. */
export interface GuardParts {
  readonly paths: Pick<Paths, 'armedRecord' | 'permit' | 'guardSocket'>;
  readonly settings: GuardSettings;
  readonly lines: GuardLines;
  readonly gpio: Gpio;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly canceller: EmergencyCanceller | null;
  readonly simulatedButton: SimulatedButton | null;
  killTrader(pid: number): string;
  onNotice(notice: GuardNotice): void;
}

export interface ComposedGuard {
  readonly guard: Guard;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Puts a guard together over its files and sockets; nothing is touched before `start`. There the lock is taken first: it is
 * what keeps a second guard from touching the permit and the lines of the first. `moreServers` are started last.
 */
export function composeGuard(
  parts: GuardParts,
  moreServers: (guard: Guard) => readonly ControlServer[] = () => [],
): ComposedGuard {
  const { paths } = parts;
  const guard = createGuard({
    clock: parts.clock,
    scheduler: parts.scheduler,
    gpio: parts.gpio,
    lines: parts.lines,
    settings: parts.settings,
    record: createArmedRecordFile(paths.armedRecord),
    openPermit: () => openPermitFile(paths.permit),
    canceller: parts.canceller,
    killTrader: (pid) => parts.killTrader(pid),
    onNotice: (notice) => parts.onNotice(notice),
  });
  let started = false;
  let unlock: () => void = () => {};
  const whenStarted = (): Guard => {
    if (!started) throw fault('E_GUARD_STARTING', 'the guard is still starting', 'try again in a moment');
    return guard;
  };
  const control = createGuardControl(paths.guardSocket, whenStarted, parts.simulatedButton);
  const servers = moreServers(guard);
  return {
    guard,
    async start() {
      for (const file of [paths.permit, paths.guardSocket]) {
        mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      }
      unlock = holdLock(`${paths.guardSocket}.lock`, 'guard');
      try {
        await control.start();
        await guard.start();
        started = true;
        for (const server of servers) await server.start();
      } catch (error) {
        for (const server of servers) await server.stop();
        await guard.stop();
        await control.stop();
        unlock();
        throw error;
      }
    },
    async stop() {
      started = false;
      for (const server of [...servers].reverse()) await server.stop();
      await guard.stop();
      await control.stop();
      unlock();
    },
  };
}
