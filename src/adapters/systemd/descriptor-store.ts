import { closeSync } from 'node:fs';
import { messageOf } from '../../core/errors.js';
import { loadAddon } from '../native/addon.js';

interface StoreAddon {
  sdNotify(socket: string, message: string, descriptor?: number): void;
  /** Waits until systemd has taken in what was sent before, `ms` at most. */
  sdBarrier(socket: string, ms: number): void;
  closeOnExec(descriptor: number): void;
}

/** Keeps open descriptors for the life of this service that follows on this one, however this one ends. */
export interface DescriptorStore {
  /** What a life before this one had kept under `name`, for the caller to use or close; null where that is nothing. */
  take(name: string): number | null;
  /** Has the descriptor kept under `name`, which nothing else is kept under. The caller's own stays open. */
  keep(name: string, descriptor: number): void;
  /** What is kept under `name` is closed when this returns. */
  forget(name: string): void;
}

/** systemd hands descriptors over from this one on (SD_LISTEN_FDS_START). */
const FIRST = 3;
const BARRIER_MS_MAX = 500;

/**
 * systemd's file descriptor store (`FileDescriptorStoreMax=` in the unit), or null where nothing of the kind has started us.
 * What was kept under a name that is not `wanted` any more is given up. A message that cannot be sent is told to `onFault`
 * and costs what is kept alone.
 */
export function openDescriptorStore(
  env: Readonly<Record<string, string | undefined>>,
  wanted: readonly string[],
  onFault: (detail: string) => void,
): DescriptorStore | null {
  const { NOTIFY_SOCKET: socket, LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env;
  if (!socket) return null;
  const { sdNotify, sdBarrier, closeOnExec } = loadAddon<StoreAddon>([
    'sdNotify',
    'sdBarrier',
    'closeOnExec',
  ]);
  const send = (act: () => void) => {
    try {
      act();
    } catch (error) {
      onFault(`the service manager cannot be told of a descriptor: ${messageOf(error)}`);
    }
  };
  const forget = (name: string) =>
    send(() => {
      sdNotify(socket, `FDSTOREREMOVE=1\nFDNAME=${name}`);
      // Whoever opens the line next must not find it held by the store.
      sdBarrier(socket, BARRIER_MS_MAX);
    });

  const found = new Map<string, number>();
  const count = Number(LISTEN_PID) === process.pid ? Number(LISTEN_FDS ?? 0) : 0;
  const names = (LISTEN_FDNAMES ?? '').split(':');
  for (let at = 0; at < count; at++) {
    const [name = '', descriptor] = [names[at], FIRST + at];
    if (wanted.includes(name) && !found.has(name)) {
      closeOnExec(descriptor);
      found.set(name, descriptor);
    } else {
      closeSync(descriptor);
      if (name !== '' && !wanted.includes(name)) forget(name);
    }
  }
  return {
    take(name) {
      const descriptor = found.get(name) ?? null;
      found.delete(name);
      return descriptor;
    },
    keep: (name, descriptor) =>
      send(() => {
        // systemd keeps what has the same name beside what it has already.
        sdNotify(socket, `FDSTOREREMOVE=1\nFDNAME=${name}`);
        // FDPOLL=0: it would drop a sysfs line at its first edge, which wakes a poll as an error does.
        sdNotify(socket, `FDSTORE=1\nFDPOLL=0\nFDNAME=${name}`, descriptor);
      }),
    forget,
  };
}
