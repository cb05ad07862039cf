import type { Scheduler } from '../../ports/time.js';

/** Real timers. They keep the process alive until ended. */
export function createSystemScheduler(): Scheduler {
  return {
    every(periodMs, task) {
      const timer = setInterval(task, periodMs);
      return () => clearInterval(timer);
    },
    after(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
