import type { Alert } from '../../core/alert.js';
import type { AlertSink } from '../../ports/alerts.js';

/** One sink out of several, each with an outbox of its own: an alert is safe once each of them has it. */
export function fanOut(sinks: readonly AlertSink[]): AlertSink {
  return {
    async raise(alert: Alert) {
      await Promise.all(sinks.map((sink) => sink.raise(alert)));
    },
    publishState(state) {
      for (const sink of sinks) sink.publishState(state);
    },
  };
}
