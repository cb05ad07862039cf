import type { Alert } from '../../../src/core/alert.js';
import type { AlertOutbox } from '../../../src/ports/alerts.js';

/** An outbox that forgets with its process. `alerts` is what it holds, oldest first. */
export function createMemoryOutbox(): AlertOutbox & { readonly alerts: Map<string, Alert> } {
  const alerts = new Map<string, Alert>();
  return {
    alerts,
    add: async (alert) => void alerts.set(alert.id, alert),
    remove: async (ids) => {
      for (const id of ids) alerts.delete(id);
    },
    pending: async (limit) => [...alerts.values()].slice(0, limit),
  };
}
