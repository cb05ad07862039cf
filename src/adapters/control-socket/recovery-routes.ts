import type { Alerts } from '../../core/alert.js';
import type { RecoveryMarker } from '../files/recovery-mark.js';
import type { ControlRoutes } from './control-server.js';

/** Asks for, and confirms, a store that had to be rebuilt. The answer is the mark as it stood, or null. */
export function recoveryRoutes(marker: RecoveryMarker, alerts: Alerts): ControlRoutes {
  return {
    'GET /recovery': () => ({ status: 200, body: marker.current() }),
    async 'POST /recovery/confirm'() {
      const mark = marker.current();
      if (mark !== null) {
        await marker.clear();
        await alerts.raise('STORE_CONFIRMED', { loss: mark.loss });
      }
      return { status: 200, body: mark };
    },
  };
}
