import type { AlertOutbox, AlertSink } from '../../ports/alerts.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import { AlertPump } from '../alert-delivery/alert-pump.js';
import type { QueueLimits } from '../alert-delivery/alert-queue.js';
import { isQuiet } from '../alert-delivery/quiet-hours.js';
import { type NtfyServer, postToNtfy } from './ntfy-post.js';

export interface NtfyOptions extends NtfyServer {
  readonly device: string;
  readonly alerts: QueueLimits & {
    readonly quietFrom?: string | undefined;
    readonly quietTo?: string | undefined;
  };
  readonly outbox: AlertOutbox;
  readonly clock: Clock;
  readonly log: AlertLog;
}

export interface NtfyAlerts {
  readonly sink: AlertSink;
  start(): Promise<void>;
  /** Gives waiting alerts up to 2 s; the rest stays in the outbox. */
  stop(): Promise<void>;
}

const DRAIN_MS = 2000;

/**
 * Alerts as push messages through an ntfy server (docs.ntfy.sh, "Publish as JSON"), for phones whose app sleeps. Outbox,
 * order, folding and limits are those of MQTT; acknowledged means answered with 2xx. State is not sent here.
 */
export function createNtfyAlerts(options: NtfyOptions): NtfyAlerts {
  const host = new URL(options.url).host;
  let requests = new AbortController();
  let started = false;

  const pump = new AlertPump({
    outbox: options.outbox,
    limits: options.alerts,
    quiet: (wallMs) => isQuiet(wallMs, options.alerts.quietFrom, options.alerts.quietTo),
    clock: options.clock,
    log: options.log,
    carrier: {
      destinationOf: () => `ntfy at ${host}`,
      ready: () => started,
      async send(message) {
        await postToNtfy(options, options.device, message, options.clock, requests.signal);
        return { heard: true };
      },
    },
  });

  return {
    sink: { raise: (alert) => pump.raise(alert), publishState: () => {} },
    async start() {
      requests = new AbortController();
      await pump.restore();
      started = true;
      pump.connected();
    },
    async stop() {
      await pump.drained(DRAIN_MS);
      pump.stop();
      started = false;
      requests.abort(new Error('stopping'));
    },
  };
}
