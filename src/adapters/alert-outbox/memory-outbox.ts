import type { Alert } from '../../core/alert.js';
import type { AlertOutbox } from '../../ports/alerts.js';

/** The outbox of a process whose disk refuses: alerts are delivered all the same, but do not outlive it. */
export function createMemoryOutbox(): AlertOutbox {
  const alive = new Map<string, Alert>();
  return {
    async add(alert) {
      alive.set(alert.id, alert);
    },
    async remove(ids) {
      for (const id of ids) alive.delete(id);
    },
    pending: async (limit) => [...alive.values()].slice(0, limit),
  };
}
