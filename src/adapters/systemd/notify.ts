import type { Scheduler } from '../../ports/time.js';
import { loadAddon } from '../native/addon.js';

interface SystemAddon {
  sdNotify(socket: string, message: string): void;
}

/** What a service tells systemd of itself (sd_notify(3)). */
export interface ServiceManager {
  /** The service is up. From here on the watchdog is fed, once each time `alive` says so. */
  ready(): void;
  /** The service is on its way down. */
  stopping(): void;
}

/** Started by hand, there is nobody to tell. */
const NOBODY: ServiceManager = { ready() {}, stopping() {} };

/**
 * Speaks to systemd where it has started us with `Type=notify`: `NOTIFY_SOCKET` names its socket, `WATCHDOG_USEC` how
 * long we may keep silent. The watchdog is fed three times in that span, and only while `alive` returns true, so that a
 * loop that turns without doing its work is killed as well. A notice that cannot be sent is no reason to end: systemd
 * then does what it does with a silent service.
 */
export function createServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  scheduler: Pick<Scheduler, 'every'>,
  alive: () => boolean,
): ServiceManager {
  const socket = env.NOTIFY_SOCKET;
  if (!socket) return NOBODY;
  const { sdNotify } = loadAddon<SystemAddon>(['sdNotify']);
  const tell = (message: string) => {
    try {
      sdNotify(socket, message);
    } catch {
      // The socket's buffer is full or systemd is being restarted; the next notice comes soon.
    }
  };
  // Set for another process that inherited the variable from it, when the id is not ours.
  const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
  const watchdogMs = forUs ? Number(env.WATCHDOG_USEC ?? 0) / 1000 : 0;
  let endFeeding: () => void = () => {};
  return {
    ready() {
      tell('READY=1');
      if (!(watchdogMs > 0)) return;
      endFeeding = scheduler.every(Math.max(10, watchdogMs / 3), () => {
        if (alive()) tell('WATCHDOG=1');
      });
    },
    stopping() {
      endFeeding();
      tell('STOPPING=1');
    },
  };
}
